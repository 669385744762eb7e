"""The only place where words become a shell line, and the constant scripts that nodes run.

A script is never put together from values: they arrive as ``"$1"`` and so on.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from clusterkit.command import Command

TIMED_OUT = (124, 137)
"""What timeout(1) exits with; a program may end so by itself, so the clock decides as well."""

EXEC = 'exec "$@"'
"""Become the program; a program that is not found exits 127, as it does everywhere."""

EXEC_WITH_PID = 'echo "clusterkit $$"; exec "$@"'
"""Tell the process id, which is the process group's too, then become the program."""

EXEC_WHEN_TOLD = f"read -r _; {EXEC_WITH_PID}"
"""The same, once one line was read from stdin: no output comes before somebody listens."""

KILL = 'kill -s "$1" -- "-$2"'
"""Signal a process group."""

PUT = """
part=$1.$4.part
trap 'rm -f -- "$part"' EXIT
trap 'exit 1' HUP INT TERM
folder=${1%/*}
case $folder in "$1"|"") folder=/;; esac
test -d "$folder" || mkdir -p -- "$folder" || exit 1
umask 077
cat > "$part" || exit 1
size=$(wc -c < "$part")
if [ "$size" -ne "$3" ]; then echo "only $size of $3 bytes arrived" >&2; exit 1; fi
chmod "$2" "$part" && mv -fT -- "$part" "$1"
"""
"""Write stdin to the file $1 with mode $2, if it is $3 bytes; $4 makes the part file's name."""


PYTHON = """
program=$1; shift
for python in /opt/clusterkit/bin/python /opt/venv/bin/python python3 python; do
    command -v "$python" >/dev/null && exec "$python" -I -S -c "$program" "$@"
done
echo "no Python found" >&2
exit 127
"""
"""Run the program $1 with whatever Python there is; the rest are its words."""


def script(text: str, *arguments: str) -> tuple[str, ...]:
    """The words that run a constant script with ``arguments``."""
    return ("sh", "-c", text, "sh", *arguments)


def program(command: Command) -> tuple[str, ...]:
    """The words of ``command``, under timeout(1) when it has a time limit."""
    if command.timeout_s is None:
        return command.argv
    return ("timeout", "--kill-after=1", f"{command.timeout_s:f}", *command.argv)


def ssh_line(command: Command) -> str:
    """``command`` as sshd takes it: it always runs a shell, the user's own.

    Values of ``env`` show in the node's process list for a moment; put secrets in a file there.
    """
    line = shlex.join(("exec", *script(EXEC_WITH_PID, *_with_env(command))))
    return _for_any_shell(line)


# What shells other than POSIX ones take for more than itself between single quotes: fish a
# backslash, csh `!` and the end of a line.
_MEANS_MORE = frozenset("\\!\n")
_DECODED = {ord(sign): f"\\0{ord(sign):03o}" for sign in "\\!\n'"}
_EVAL = 'eval "$(printf %b "$1")"'


def _for_any_shell(line: str) -> str:
    """``line``, or one that every shell reads alike and that has sh run it."""
    if not _MEANS_MORE & set(line):
        return line
    return f"exec sh -c '{_EVAL}' sh '{line.translate(_DECODED)}'"


def _assigned(command: Command) -> str:
    return shlex.join(_with_env(command))


def _with_env(command: Command) -> tuple[str, ...]:
    """The words of ``command`` with its environment and under its time limit."""
    assignments = [f"{name}={value}" for name, value in command.env.items()]
    return ("env", *assignments, *program(command)) if assignments else program(command)


def one_after_another(commands: Sequence[Command], mark: str) -> tuple[str, ...]:
    """One program that runs all commands, and writes ``mark`` and the exit code behind each.

    The mark is a line of its own in both streams; whoever reads takes the newline before it
    away again. The commands read nothing.
    """
    lines = [
        f"{_assigned(command)} </dev/null; printf '\\n{mark} %d\\n' $?; printf '\\n{mark}\\n' >&2"
        for command in commands
    ]
    return ("sh", "-c", "\n".join(lines))


def quoted(argv: tuple[str, ...]) -> str:
    """Words for the command line of ssh(1), which joins them and lets a shell split them again."""
    return _for_any_shell(shlex.join(argv))

"""Ensure that the head may log in to a machine: one marked line in the user's authorized_keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterkit.command import Command, Result, Step
from clusterkit.tasks.base import LOOK_WITHIN_S, Change

# Our lines end with an ed25519 key and the mark, $1, whatever options are in front of the key.
_OURS = r"""
export LC_ALL=C
ours='\(.* \)\{0,1\}ssh-ed25519 [^ ]* '$1
"""
_LOOK = (
    _OURS
    + """
grep -a -x -e "$ours" -- "$HOME/.ssh/authorized_keys" 2>/dev/null
true
"""
)
# Everything but the lines with our mark stays byte for byte: a new line goes in front, as the
# last one may have no newline, and is cut out by its place. The file is replaced at once, and a
# link stays a link. sshd wants the folder and the file closed to others. Machines may share one
# home folder: mkdir lets in one of them at a time, and what is older than a minute is dead. What
# was not there before is noted, and goes when no line of ours is left, or none came to be.
_SET = (
    _OURS
    + """
set -e
umask 077
line=$2
file="$HOME/.ssh/authorized_keys"
made="$HOME/.clusterkit/made-authorized_keys"
give_back() {
    test -e "$made" && ! grep -a -q -e ' clusterkit:[^ ]*$' -- "$file" 2>/dev/null || return 0
    test -s "$file" || rm -f -- "$file"
    test "$(cat -- "$made")" != folder || rmdir -- "$HOME/.ssh" 2>/dev/null || true
    rm -f -- "$made"
}
trap give_back EXIT
trap 'exit 1' HUP INT TERM
if ! test -e "$file"; then
    test -n "$line" || exit 0
    what=file
    test -d "$HOME/.ssh" || what=folder
    mkdir -p -m 700 -- "${made%/*}"
    test -e "$made" || echo "$what" >"$made"
    mkdir -p -m 700 -- "$HOME/.ssh"
fi
file=$(readlink -f -- "$file")
work="$file.clusterkit"
tries=0
until mkdir -- "$work" 2>/dev/null; do
    test -d "$work" || tries=$((tries + 50))  # it may have gone a moment ago
    tries=$((tries + 1))
    test "$tries" -lt 200 || {
        mkdir -- "$work" && rmdir -- "$work"
        echo "Fix: let $(id -un) write in ${file%/*}, where a line for the head belongs" >&2
        exit 1
    }
    test -z "$(find "$work" -prune -mmin +1 2>/dev/null)" || rm -rf -- "$work"
    sleep 0.1
done
trap 'rm -rf -- "$work"; give_back' EXIT
test -e "$file" || : >>"$file"
cp -p -- "$file" "$work/new"
while found=$(grep -a -b -x -m 1 -e "$ours" -- "$work/new"); do
    at=${found%%:*}
    text=${found#*:}
    { head -c "$at" "$work/new"; tail -c "+$((at + ${#text} + 2))" "$work/new"; } >"$work/part"
    cat -- "$work/part" >"$work/new"
done
if test -n "$line"; then
    { printf '%s\\n' "$line"; cat -- "$work/new"; } >"$work/part"
    cat -- "$work/part" >"$work/new"
fi
mv -f -- "$work/new" "$file"
"""
)


def mark(cluster: str, node: str) -> str:
    """What our line ends with, and no other does."""
    return f"clusterkit:{cluster}:{node}"


@dataclass(frozen=True, slots=True)
class AuthorizedKey:
    """The head's public key, for commands only: no forwarding, no terminal. None: no key of ours.

    ``beside`` are the other keys that count while the head's is being replaced. The user's other
    lines stay byte for byte. ``expected`` is False where there is a line only by exception.
    """

    node: str
    cluster: str
    public: str | None
    beside: tuple[str, ...] = ()
    expected: bool = True
    needs_answer: bool = True

    def probe(self) -> Command:
        """Print every line with our mark."""
        return Command(("sh", "-c", _LOOK, "sh", self._mark), timeout_s=LOOK_WITHIN_S)

    def plan(self, seen: Result | None) -> Change:
        """Put the line in, replace an older one, or take it out."""
        lines = seen.check().stdout.splitlines() if seen else []
        wanted = self._lines
        if seen is None and not self.expected:
            return Change("no key of ours")
        if seen is not None and lines == wanted:
            return Change("the head may log in" if wanted else "no key of ours")
        command = Command(("sh", "-c", _SET, "sh", self._mark, "\n".join(wanted)))
        what = "let the head log in: a line in" if wanted else "take the head's key out of"
        sign: Literal["+", "~", "-"] = "-" if not wanted else "~" if lines else "+"
        summary = f"{what} ~/.ssh/authorized_keys"
        return Change(summary, (Step(self.node, summary, command, sign),))

    @property
    def _mark(self) -> str:
        return mark(self.cluster, self.node)

    @property
    def _lines(self) -> list[str]:
        """One for each key, in an order that does not tell which is in use."""
        keys = sorted((self.public, *self.beside)) if self.public else []
        return [f"restrict {public} {self._mark}" for public in keys]

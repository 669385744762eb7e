"""See which nodes a private key opens, and whether they prove to be the pinned ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.tasks.base import Change

Answer = Literal["lets it in", "refuses it", "has another host key"]
_SIGNS: dict[str, Answer] = {
    "Permission denied (": "refuses it",
    "Host key verification failed": "has another host key",
}
# OpenSSH itself decides, not the library with which we log in. $1: the private key, $2: the
# known_hosts, then one word for each node: its name, user@address and port. Prints name, exit
# code and the last words of ssh for each, 32 nodes at once.
_TRY = """
key=$1 known=$2
shift 2
test -r "$key" || { echo "$key cannot be read" >&2; exit 1; }
key=$(printf '%s' "$key" | sed 's/%/%%/g') known=$(printf '%s' "$known" | sed 's/%/%%/g')
try() {
    said=$(ssh -F none -n -T -p "$3" -o IdentityFile="\\"$key\\"" \\
        -o IdentitiesOnly=yes -o IdentityAgent=none \\
        -o UserKnownHostsFile="\\"$known\\"" -o GlobalKnownHostsFile=none \\
        -o HostKeyAlias="$1" -o StrictHostKeyChecking=yes -o BatchMode=yes \\
        -o PreferredAuthentications=publickey -o ConnectTimeout=10 "$2" true 2>&1)
    code=$?
    printf '%s %s %s\\n' "$1" "$code" "$(printf '%s' "$said" | tr -d '\\r' | tail -n 1)"
}
count=0
for node in "$@"; do
    try $node &
    count=$((count + 1))
    test $((count % 32)) -ne 0 || wait
done
wait
"""
_NOT_FOUND = "127"


@dataclass(frozen=True, slots=True)
class Target:
    """Where one node's sshd answers."""

    name: str
    user: str
    address: str
    port: int = 22


@dataclass(frozen=True, slots=True)
class Logins:
    """Every one of ``targets`` gives the ``expected`` answer to the key that lies on ``node``.

    ``what`` is the key in words. Nothing can be mended here: another answer is an error.
    """

    node: str
    what: str
    key_file: str
    known_hosts: str
    targets: tuple[Target, ...]
    expected: Answer = "lets it in"
    needs_answer: bool = True

    def probe(self) -> Command:
        """Log in to each target and run nothing there."""
        words = (f"{each.name} {each.user}@{each.address} {each.port}" for each in self.targets)
        argv = ("sh", "-c", _TRY, "sh", self.key_file, self.known_hosts, *words)
        return Command(argv, timeout_s=60)

    def plan(self, seen: Result | None) -> Change:
        """Compare; None: the look itself is the step, for ``--dry-run``."""
        summary = f"{self.what}: each node {self.expected}"
        if seen is None:
            return Change(summary, (Step(self.node, summary, self.probe()),))
        answers = _answers(seen.check().stdout)
        wrong = [
            f"{each.name}: {answers.get(each.name, 'nothing was seen')}: {self.what} "
            f"(asked from {self.node})"
            for each in self.targets
            if answers.get(each.name) != self.expected
        ]
        if wrong:
            fix = "see `clusterkit status`, then run the same command again: it goes on from here"
            lines = "\n".join(wrong)
            raise ClusterkitError(f"{lines}\nexpected: {self.expected}. Fix: {fix}")
        return Change(summary)


def _answers(text: str) -> dict[str, str]:
    """Node -> its answer, or what ssh said where that is none."""
    return dict(_answer(line) for line in text.splitlines())


def _answer(line: str) -> tuple[str, str]:
    name, code, said = (*line.split(" ", 2), "")[:3]
    if code == "0":
        return name, "lets it in"
    if code == _NOT_FOUND:
        return name, "cannot be asked: there is no `ssh` here"
    return name, next((sign for text, sign in _SIGNS.items() if text in said), said)

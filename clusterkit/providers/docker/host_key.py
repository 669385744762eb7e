"""Ensure that a node's sshd offers its host key, while all who are logged in stay so."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.command import Command, Put, Result, Step
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.trust import Trust
from clusterkit.providers.docker.sshd import sshd_folder
from clusterkit.tasks.base import Change
from clusterkit.tasks.files import difference, read_listing

_LOOK = """
stat -c "%a %n" -- "$1" 2>/dev/null
sha256sum -- "$1" 2>/dev/null
ssh-keyscan -T 5 -t ed25519 -- "$2" 2>/dev/null | sed -n 's/^[^#][^ ]* /offers /p'
"""
# The sshd that listens is the topmost of those through which this login came. On SIGHUP it starts
# itself anew, with its own words, and reads its configuration; its children go on. One that would
# refuse the new files is left as it is.
_HANG_UP = """
set -e
pid=$$ listener=
while test "$pid" -gt 1; do
    case "$(readlink "/proc/$pid/exe")" in */sshd|*/sshd-session) listener=$pid ;; esac
    pid=$(sed -n 's/^PPid:[^0-9]*//p' "/proc/$pid/status")
done
test -n "$listener" || { echo 'this login did not come through sshd' >&2; exit 1; }
"$(readlink "/proc/$listener/exe")" -t -f "$1"
kill -HUP "$listener"
"""
_READS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class HostKey:
    """One node's host key: the file, and what sshd offers to those who connect."""

    cluster: Cluster
    trust: Trust
    wanted: Node
    needs_answer: bool = True

    @property
    def node(self) -> str:
        """The node's name."""
        return self.wanted.name

    def probe(self) -> Command:
        """Look at the file, and connect as a stranger would."""
        argv = ("sh", "-c", _LOOK, "sh", self._file.path, str(self.wanted.address))
        return Command(argv, timeout_s=30)

    def plan(self, seen: Result | None) -> Change:
        """Write the file where it differs; let sshd read it where it offers another."""
        said = seen.check().stdout if seen else ""
        offered = [line.split(" ", 1)[1] for line in said.splitlines() if line[:7] == "offers "]
        rest = "\n".join(line for line in said.splitlines() if line[:7] != "offers ")
        modes, digests = read_listing(rest)
        path, pair = self._file.path, self.trust.hosts[self.node]
        steps: list[Step] = []
        if summary := difference(self._file, modes.get(path), digests.get(path)):
            steps.append(Step(self.node, summary, self._file))
        if offered != [pair.public]:
            steps.append(read_again(self.cluster, self.node))
        return Change("sshd offers its host key", tuple(steps), settles_s=_READS_WITHIN_S)

    @property
    def _file(self) -> Put:
        path = f"{sshd_folder(self.cluster)}/host_key"
        return Put(path, self.trust.hosts[self.node].private, 0o600)


def read_again(cluster: Cluster, node: str) -> Step:
    """Let a node's sshd read its files, without an end to what runs there."""
    config = f"{sshd_folder(cluster)}/sshd_config"
    hang_up = Command(("sh", "-c", _HANG_UP, "sh", config), timeout_s=10)
    return Step(node, "let sshd read its files again", hang_up)

"""See whether the head can log in to the other nodes, as mpirun does to start its daemons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Cluster, Node
from clusterkit.tasks.base import Change
from clusterkit.tasks.ssh_client import CONNECT_TIMEOUT_S

_NO_SUCH_KEY = "Host key verification failed"  # the last line of many
# $1 is ssh's configuration, the rest are nodes. Each that does not let the head in gets one line.
_AT_ONCE = 32
_TRY = """
config=$1 at_once=$2; shift 2
try='
why=$(ssh -F "$1" -- "$2" true 2>&1 </dev/null) && exit
printf "%s\\t%s\\n" "$2" "$(printf %s "$why" | tr "\\n\\t" "; ")"
'
printf '%s\\n' "$@" | xargs -P "$at_once" -n 1 sh -c "$try" sh "$config"
"""


def try_logins(cluster: Cluster, nodes: Sequence[str]) -> Command:
    """What the head runs to log in to each of ``nodes``; it changes nothing there."""
    config = f"{cluster.home_of(cluster.head.name)}/ssh/config"
    argv = ("sh", "-c", _TRY, "sh", config, str(_AT_ONCE), *nodes)
    rounds = -(-len(nodes) // _AT_ONCE)
    return Command(argv, timeout_s=30 + 2 * CONNECT_TIMEOUT_S * rounds)


def refusals(answer: Result) -> dict[str, str]:
    """Node -> what ssh said, for each that does not let the head in.

    Raises:
        CommandFailed: If they could not be tried.
    """
    rows = (line.partition("\t") for line in answer.stdout.splitlines())
    refused = {name: why for name, tab, why in rows if tab}
    if not refused:
        answer.check()
    return refused


@dataclass(frozen=True, slots=True)
class HeadLogsIn:
    """The head can log in to every other node over the cluster network: seen, not supposed."""

    cluster: Cluster
    needs_answer: bool = True

    @property
    def node(self) -> str:
        """The head."""
        return self.cluster.head.name

    def probe(self) -> Command:
        """Print a line for each node that does not let the head in."""
        return try_logins(self.cluster, [node.name for node in self.cluster.nodes[1:]])

    def plan(self, seen: Result | None) -> Change:
        """Nothing can be done here about a node that refuses; each is named."""
        if seen is None:
            return Change("<known after trust>")
        if refused := refusals(seen):
            nodes = (node for node in self.cluster.nodes if node.name in refused)
            raise ClusterkitError("\n".join(self._why(node, refused[node.name]) for node in nodes))
        return Change("the head logs in to every node")

    def _why(self, node: Node, why: str) -> str:
        said = _NO_SUCH_KEY if _NO_SUCH_KEY in why else why.strip(".; ") or "no answer"
        return (
            f"{node.name}: the head, {self.node}, cannot log in at "
            f"{node.address}:{node.ssh_port}: {said}. Fix: {_fix(node, why)}"
        )


def _fix(node: Node, why: str) -> str:
    """What is to be done, by what ssh said."""
    if "Permission denied" in why:
        user = node.login.user if node.login else "the user"
        return f"let sshd there read ~/.ssh/authorized_keys of {user}, closed to others"
    if _NO_SUCH_KEY in why:
        return "correct `address`: another machine, or another sshd, answers there"
    return "let sshd there listen on the cluster network, and let it through the firewall"

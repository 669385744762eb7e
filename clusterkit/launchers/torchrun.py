"""PyTorch's torchrun: an agent on each node starts the ranks there, and they meet at the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from clusterkit.command import Command
from clusterkit.launchers.mpirun import Group, Mpirun
from clusterkit.placement import Placement

AGENT_ARGV = (
    "sh",
    "-c",
    'exec "$CLUSTERKIT_PYTHON" -I -S "$CLUSTERKIT_PAYLOADS" torchrun "$@"',
    "torchrun",
)
"""What becomes a node's torchrun; the words after it are torchrun's own.

Where the agents meet (``--master_addr``, ``--master_port``) is added there: a port that is free
is only known once the nodes were asked.
"""

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Torchrun:
    """``mpirun`` starts one agent on each node; ``addresses`` are the nodes' on their network."""

    mpirun: Mpirun
    addresses: Mapping[str, str | None]

    def command(
        self,
        placement: Placement,
        rank_argv: tuple[str, ...],
        *,
        rsh: tuple[str, ...] | None = None,
    ) -> Command:
        """Start ``rank_argv`` as every rank: torchrun numbers them by node, as a placement does.

        The rendezvous is static: every node has its number, so that ranks are where they were
        placed. Nothing is started again: a job ends with its first failure.
        """
        count = str(len(placement.by_node))
        groups = []
        for number, (node, ranks) in enumerate(placement.by_node):
            words = ["--nnodes", count, "--node_rank", str(number)]
            words += ["--nproc_per_node", str(len(ranks)), "--max_restarts", "0"]
            words += ["--local_addr", self.addresses.get(node) or _LOOPBACK]
            argv = (*AGENT_ARGV, *words, "--no_python", *rank_argv)
            groups.append(Group(node, 1, argv))
        return self.mpirun.start(groups, rsh=rsh)

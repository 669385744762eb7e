"""How ranks and their tensor parallel groups lie on the nodes, as TensorRT-LLM would see it."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.placement import Placement
from clusterkit.quantities import counted

ASSUMED = 8
"""The GPUs per node that TensorRT-LLM assumes where nobody tells it (kDefaultGpusPerNode)."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A placement of tensor parallel groups: rank = stage * tp + tensor parallel rank."""

    placement: Placement
    tp: int

    @property
    def per_node(self) -> tuple[int, ...]:
        """The number of ranks on each node."""
        return tuple(len(ranks) for _, ranks in self.placement.by_node)

    @property
    def is_uniform(self) -> bool:
        """Whether every node has as many ranks as the others."""
        return len(set(self.per_node)) <= 1

    @property
    def finds_its_devices(self) -> bool:
        """Whether ``rank % 8`` gives the ranks of each node its first GPUs, each one once."""
        return all(
            {rank.rank % ASSUMED for rank in ranks} == set(range(len(ranks)))
            for _, ranks in self.placement.by_node
        )

    @property
    def is_as_assumed(self) -> bool:
        """Whether nothing has to be told: one node of at most 8 ranks, or 8 ranks on every node.

        Other layouts may find their devices (8 and 4), but from 0.10 on each process is checked
        against the number of its node.
        """
        counts = self.per_node
        one = len(counts) <= 1 and self.placement.world_size <= ASSUMED
        return one or set(counts) == {ASSUMED}

    @property
    def straddling(self) -> tuple[tuple[str, ...], ...]:
        """The nodes of each tensor parallel group that lies on more than one, group by group."""
        ranks = self.placement.ranks
        groups = (ranks[start : start + self.tp] for start in range(0, len(ranks), self.tp))
        nodes = (tuple(dict.fromkeys(rank.node for rank in group)) for group in groups)
        return tuple(found for found in nodes if len(found) > 1)

    def ranks_of(self, node: str) -> int:
        """The number of ranks on one node."""
        return sum(rank.node == node for rank in self.placement.ranks)

    def in_words(self) -> str:
        """``1 rank each``, or ``1, 2 and 4 ranks`` where nodes differ."""
        if self.is_uniform:
            return f"{counted(self.per_node[0], 'rank')} each"
        *first, last = map(str, self.per_node)
        return f"{', '.join(first)} and {last} ranks"

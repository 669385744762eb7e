"""Whether replicas fit side by side: each is judged by what the others leave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster, Node
from clusterkit.placement import Placement, Rank

Facts = Mapping[str, NodeFacts]


def shares(
    cluster: Cluster, facts: Facts, placements: Sequence[Placement]
) -> Iterator[tuple[Cluster, Facts]]:
    """The cluster as each replica has it: its own slots and GPUs, and its part of the memory."""
    ranks_on = {
        node.name: sum(rank.node == node.name for each in placements for rank in each.ranks)
        for node in cluster.members
    }
    for placement in placements:
        own = dict(placement.by_node)
        nodes = tuple(_part(node, own[node.name]) for node in cluster.nodes if node.name in own)
        seen = {
            name: _part_of_memory(facts[name], len(ranks), ranks_on[name])
            for name, ranks in own.items()
            if name in facts
        }
        yield replace(cluster, nodes=nodes), seen


def _part(node: Node, ranks: tuple[Rank, ...]) -> Node:
    devices = node.devices
    gpus = tuple(
        node.gpus[devices.index(rank.device)] for rank in ranks if rank.device is not None
    )
    return replace(node, slots=len(ranks), gpus=gpus)


def _part_of_memory(facts: NodeFacts, ranks: int, of: int) -> NodeFacts:
    return replace(facts, memory_available_bytes=facts.memory_available_bytes * ranks // of)

"""Spares in the places of nodes that are lost: who has which place, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from clusterkit.model.cluster import Cluster, Node


@dataclass(frozen=True, slots=True)
class StandIn:
    """One change of places: ``by`` has the place of ``node``, and why."""

    node: str
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of places, in their order.

    ``left_out`` are spares that did not come up, and why.
    """

    stand_ins: tuple[StandIn, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict[str, str])

    def __bool__(self) -> bool:
        return bool(self.stand_ins or self.left_out)

    def and_then(self, later: Changes) -> Changes:
        """These, and those that were made after them."""
        return Changes((*self.stand_ins, *later.stand_ins), {**self.left_out, **later.left_out})


def changed(cluster: Cluster, changes: Changes) -> Cluster:
    """The cluster after these changes; one that names a node it does not have is left out."""
    for change in changes.stand_ins:
        cluster = _stood_in(cluster, change)
    return without(cluster, changes.left_out)


def without(cluster: Cluster, names: Iterable[str]) -> Cluster:
    """The cluster with these spares out of it."""
    out = {*names}
    nodes = (
        replace(node, standing="out") if node.name in out and node.standing == "spare" else node
        for node in cluster.nodes
    )
    return replace(cluster, nodes=tuple(nodes))


def _stood_in(cluster: Cluster, change: StandIn) -> Cluster:
    """The spare has the place in the order and the slots of the node, so that ranks stay alike."""
    lost = next((node for node in cluster.members[1:] if node.name == change.node), None)
    spare = next((node for node in cluster.spares if node.name == change.by), None)
    if lost is None or spare is None:
        return cluster
    member = replace(spare, standing="member", slots=lost.slots, stands_for=place_of(lost))
    places = [member if node is lost else node for node in cluster.nodes if node is not spare]
    return replace(cluster, nodes=(*places, replace(lost, standing="out", stands_for=None)))


def place_of(node: Node) -> str:
    """Whose place a member has: its own, or that of the node for which it stands."""
    return node.stands_for or node.name

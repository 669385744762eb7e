"""Which ends a spare can heal, and which spare is good enough for which place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster, Node
from clusterkit.quantities import counted, size

Cause = Mapping[str, Any] | None
"""As jobs have it; None of one that is done."""

OF_THE_NODE = ("node-lost", "container", "gpu-error")
"""Ends of which the node is the cause: with another in its place the same run may go well."""

PERHAPS_OF_A_NODE = ("exit-code", "signal", "launcher", "wrapper")
"""Ends that a lost node may also show itself by, on another: whoever answers was not it."""

_ENOUGH = 0.95
# Of two machines of one kind, firmware and kernel leave not quite the same.


@dataclass(frozen=True, slots=True)
class Choice:
    """``by`` maps lost nodes to their spares; ``refused`` says of each spare why it is none."""

    by: Mapping[str, str] = field(default_factory=dict[str, str])
    refused: Mapping[str, str] = field(default_factory=dict[str, str])


def node_at_fault(cause: Cause) -> str | None:
    """The node that ended a job, if another in its place would have let it go on.

    Not so for what would befall any node: a program that fails, runs out of memory or time.
    """
    if cause is None or cause["kind"] not in OF_THE_NODE:
        return None
    node: str | None = cause["node"]
    return node


def may_hide_a_lost_node(cause: Cause) -> bool:
    """Whether a rank or the launcher may have failed because another node was gone."""
    return cause is not None and cause["kind"] in PERHAPS_OF_A_NODE


def choose_spares(
    cluster: Cluster,
    lost: Sequence[str],
    *,
    unfit: Mapping[str, str],
    facts: Mapping[str, NodeFacts],
) -> Choice:
    """A spare that is good enough for each lost node, the smallest first; as many as there can be.

    ``unfit`` are spares that failed, and why; ``facts`` are what is known of the nodes, lost ones
    included.
    """
    free = sorted((node for node in cluster.spares if node.name not in unfit), key=_size)
    lacks = {
        place: {spare.name: lacking(cluster.node(place), spare, facts) for spare in free}
        for place in lost
    }
    taken: dict[str, str] = {}

    def fill(place: str, asked: set[str]) -> bool:
        """Fill one place; who has a spare that it needs takes another, if there is one."""
        for spare, why in lacks[place].items():
            if why or spare in asked:
                continue
            asked.add(spare)
            if spare not in taken or fill(taken[spare], asked):
                taken[spare] = place
                return True
        return False

    empty = [place for place in lost if not fill(place, set())]
    by = {place: spare for spare, place in taken.items()}
    refused = {node.name: unfit[node.name] for node in cluster.spares if node.name in unfit}
    for place in empty:
        refused |= {
            name: ", ".join(why) for name, why in lacks[place].items() if why and name not in taken
        }
    return Choice({place: by[place] for place in lost if place in by}, refused)


def lacking(place: Node, spare: Node, facts: Mapping[str, NodeFacts]) -> list[str]:
    """What a spare has less of than the node whose place it would take.

    Memory is compared where both were seen, of GPUs by the smallest.
    """
    found: list[str] = []
    if spare.slots < place.slots:
        found.append(f"it has {counted(spare.slots, 'slot')}, and {place.name} {place.slots}")
    if len(spare.gpus) < len(place.gpus):
        found.append(
            f"it has {counted(len(spare.gpus), 'GPU')}, and {place.name} {len(place.gpus)}"
        )
    had, has = facts.get(place.name), facts.get(spare.name)
    if had is None or has is None:
        return found
    for what, wanted, there in (
        ("of memory", had.memory_bytes, has.memory_bytes),
        ("on a GPU", _gpu_bytes(place, had), _gpu_bytes(spare, has)),
    ):
        if there < _ENOUGH * wanted:
            found.append(f"it has {size(there)} {what}, and {place.name} {size(wanted)}")
    return found


def _gpu_bytes(node: Node, facts: NodeFacts) -> int:
    sizes = [gpu.memory_bytes for gpu in facts.gpus if gpu.index in node.devices]
    return min(sizes, default=0)


def _size(node: Node) -> tuple[int, int]:
    return (len(node.gpus), node.slots)

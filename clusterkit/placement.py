"""Decide rank -> node -> local rank -> device, before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from clusterkit.errors import DoesNotFit
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.mistakes import number


@dataclass(frozen=True, slots=True)
class Rank:
    """The place of one rank. ``device`` is a GPU's index on its node; None: the CPU."""

    rank: int
    node: str
    local_rank: int
    device: int | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where every rank runs, in rank order; the ranks of one node follow one another."""

    ranks: tuple[Rank, ...]

    @property
    def world_size(self) -> int:
        """The number of ranks in the whole job."""
        return len(self.ranks)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that have ranks, in rank order."""
        return tuple(node for node, _ in self.by_node)

    @property
    def by_node(self) -> tuple[tuple[str, tuple[Rank, ...]], ...]:
        """Each node with its ranks."""
        groups = groupby(self.ranks, key=lambda rank: rank.node)
        return tuple((node, tuple(ranks)) for node, ranks in groups)


def place(cluster: Cluster, ranks: int | None = None) -> Placement:
    """Fill the slots of the nodes in inventory order; None: one rank for each slot.

    Raises:
        DoesNotFit: If there are more ranks than slots.
    """
    wanted = cluster.slots if ranks is None else ranks
    if wanted > cluster.slots:
        raise DoesNotFit(
            f"{wanted} ranks do not fit in cluster {cluster.name}: it has "
            f"{number(cluster.slots, 'slot')} ({slots_of_each(cluster)}). Fix: ask for at most "
            f"{number(cluster.slots, 'rank')}, or raise `slots`"
        )
    counts: list[int] = []
    for node in cluster.members:
        counts.append(min(node.slots, wanted - sum(counts)))
    return _placed(cluster, counts)


def place_evenly(cluster: Cluster, per_node: int) -> Placement:
    """Place ``per_node`` ranks on each node.

    Raises:
        DoesNotFit: If a node has fewer slots.
    """
    small = [f"{node.name} {node.slots}" for node in cluster.members if node.slots < per_node]
    if small:
        most = min(node.slots for node in cluster.members)
        raise DoesNotFit(
            f"{per_node} ranks on each node do not fit in cluster {cluster.name}: there are fewer "
            f"slots on some ({', '.join(small)}). Fix: ask for at most {most} per node, choose "
            "other nodes with `--nodes`, or raise `slots`"
        )
    return _placed(cluster, [per_node] * len(cluster.members))


def place_stages(cluster: Cluster, *, tp: int, pp: int) -> Placement:
    """Place ``pp`` pipeline stages of ``tp`` ranks each: rank = stage * tp + tensor parallel rank.

    The ranks of one stage talk most, so they stay on one node, and the stages are dealt evenly
    over the nodes. Where a stage fits no node, the slots are filled in order. Replicas are placed
    as stages are.

    Raises:
        DoesNotFit: If there are more ranks than slots.
    """
    stages = [0] * len(cluster.members)
    for _ in range(pp):
        room = [
            (dealt, index)
            for index, dealt in enumerate(stages)
            if (dealt + 1) * tp <= cluster.members[index].slots
        ]
        if not room:
            return place(cluster, tp * pp)
        stages[min(room)[1]] += 1
    return _placed(cluster, [count * tp for count in stages])


def place_replicas(cluster: Cluster, replicas: int, *, tp: int, pp: int) -> tuple[Placement, ...]:
    """Place so many groups of ``tp`` x ``pp`` ranks, each on slots of its own.

    Each is on as few nodes as can be, for its ranks talk to one another alone; and the groups are
    dealt over the nodes, so that they share as little as can be.

    Raises:
        DoesNotFit: If there are too few slots.
    """
    size = tp * pp
    if replicas * size > cluster.slots:
        most = cluster.slots // size
        fix = f"at most {number(most, 'replica')}" if most else "a smaller tp x pp"
        raise DoesNotFit(
            f"{number(replicas, 'replica')} of tp={tp} x pp={pp} need {replicas * size} slots; "
            f"cluster {cluster.name} has {cluster.slots} ({slots_of_each(cluster)}). "
            f"Fix: {fix}, or raise `slots`"
        )
    taken = [0] * len(cluster.members)
    placed: list[Placement] = []
    for _ in range(replicas):
        room = [node.slots - used for node, used in zip(cluster.members, taken, strict=True)]
        counts = _packed(room, tp=tp, pp=pp)
        placed.append(_placed(cluster, counts, taken))
        taken = [used + count for used, count in zip(taken, counts, strict=True)]
    return tuple(placed)


def _packed(room: Sequence[int], *, tp: int, pp: int) -> list[int]:
    """How many ranks of one group each node gets: the roomiest nodes first, stages whole."""
    counts = [0] * len(room)
    roomiest_first = sorted(range(len(room)), key=lambda node: -room[node])
    unit, left = tp, pp
    if sum(each // tp for each in room) < pp:  # a stage must be split over nodes
        unit, left = 1, tp * pp
    for node in roomiest_first:
        counts[node] = min(room[node] // unit, left) * unit
        left -= counts[node] // unit
    return counts


def _placed(
    cluster: Cluster, counts: Sequence[int], taken: Sequence[int] | None = None
) -> Placement:
    """The given number of ranks on each node, in the order of the nodes.

    ``taken`` slots of each have other ranks, of other jobs.
    """
    places: list[Rank] = []
    before = taken or [0] * len(counts)
    for node, count, first in zip(cluster.members, counts, before, strict=True):
        for local_rank in range(count):
            device = _device(node, first + local_rank)
            places.append(Rank(len(places), node.name, local_rank, device))
    return Placement(tuple(places))


def _device(node: Node, slot: int) -> int | None:
    """The GPU of a slot; where slots outnumber GPUs they take turns."""
    return node.devices[slot % len(node.devices)] if node.devices else None


def slots_of_each(cluster: Cluster) -> str:
    """The slots of every node, as messages have them: ``node1 2, node2 1``."""
    return ", ".join(f"{node.name} {node.slots}" for node in cluster.members)


def visible_devices(placement: Placement, node: str) -> Sequence[int]:
    """The GPUs that a node's ranks see: device ``i`` is the one of local rank ``i``.

    Each is listed once, also where ranks share it: CUDA takes no GPU twice. The ranks then take
    turns, as in the placement.
    """
    devices = [rank.device for rank in placement.ranks if rank.node == node]
    return list(dict.fromkeys(device for device in devices if device is not None))

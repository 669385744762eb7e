"""Have spares stand in, in ``up``, for nodes that cannot be brought up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from clusterkit.checks.spares import choose_spares
from clusterkit.errors import ClusterkitError
from clusterkit.events import Note, Sink
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.spares import Changes, StandIn, changed
from clusterkit.use_cases.spare_errors import brief, failures_of, head_is_lost, none_is_left

T = TypeVar("T")


class Standing:
    """Who has which place, as it comes out while a cluster is brought up."""

    def __init__(self, sink: Sink, facts: Mapping[str, NodeFacts]) -> None:
        self._sink, self._facts = sink, facts
        self.changes = Changes()

    def go_on(self, cluster: Cluster, attempt: Callable[[Cluster], T]) -> tuple[T, Cluster]:
        """What ``attempt`` gives of the nodes that can be brought up, and the cluster as it is.

        A node that fails is left out of the next attempt, and a spare has its place.

        Raises:
            ClusterkitError: Of the first attempt that no spare can heal, with every node's reason.
        """
        while True:
            try:
                return attempt(cluster.present), cluster
            except ClusterkitError as error:
                changes = self._changes(cluster, error)
                if changes is None or changed(cluster, changes) == cluster:
                    raise
                cluster = changed(cluster, changes)
                self.changes = self.changes.and_then(changes)

    def _changes(self, cluster: Cluster, error: ClusterkitError) -> Changes | None:
        """What heals the error; None where it is not about nodes, or there never were spares."""
        failures = failures_of(error, cluster)
        known = {node.name for node in cluster.present.nodes}
        if not failures or failures.keys() - known or not _has_spares(cluster):
            return None
        lost = {
            node.name: failures[node.name] for node in cluster.members if node.name in failures
        }
        unfit = {name: brief(name, each) for name, each in failures.items() if name not in lost}
        if cluster.head.name in lost:
            raise head_is_lost(error, cluster.head.name) from error
        choice = choose_spares(cluster, list(lost), unfit=unfit, facts=self._facts)
        if choice.by.keys() != lost.keys():
            members = len(cluster.members)
            raise none_is_left(error, lost, choice, members=members) from error
        stand_ins = tuple(
            StandIn(name, choice.by[name], brief(name, each)) for name, each in lost.items()
        )
        for each in stand_ins:
            told = f"it cannot be brought up: {each.why}; {each.by} takes its place"
            self._sink(Note(told, each.node))
        for name, why in unfit.items():
            self._sink(Note(f"the spare cannot be brought up: {why}; it is left out", name))
        return Changes(stand_ins, unfit)


def _has_spares(cluster: Cluster) -> bool:
    return any(node.standing != "member" or node.stands_for for node in cluster.nodes)

"""``sweep`` on nodes, and on this machine: processes and files that nobody has any more."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.command import HOST, Command, Step
from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster
from clusterkit.results.sweep import Leftover, Unseen
from clusterkit.state import clusters
from clusterkit.state.facts import load_facts
from clusterkit.state.folders import state_folder
from clusterkit.transports.base import Transport
from clusterkit.use_cases.brought import brought
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, Which, find
from clusterkit.use_cases.sweep_states import is_changed_now

_OF_JOBS = ("files", "shared-memory")

Kept = Mapping[str, tuple[str, ...]]
"""Node -> the ids of what was found there, by which it is agreed to."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where to look on one node: folders of clusters, and our folders in their storage.

    With ``only_theirs``, no jobs but those that have a folder there.
    """

    node: str
    python: str
    homes: tuple[str, ...] = ()
    storages: tuple[str, ...] = ()
    only_theirs: bool = False

    def command(self, what: str, agreed: Iterable[str] = ()) -> Command:
        """Look, or remove what was agreed to."""
        asked: dict[str, Any] = {
            "homes": self.homes,
            "storages": self.storages,
            "only_theirs": self.only_theirs,
        }
        if what == "remove":
            asked["agreed"] = sorted(agreed)
        return brought(self.python, "leftovers", what, json.dumps(asked))


@dataclass(frozen=True, slots=True)
class NodesSeen:
    """What a look at nodes came to; ``ids`` are those of what was ``found``."""

    found: tuple[Leftover, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    ids: Kept | None = None


def this_machine(only: str | None) -> Place:
    """The folders of clusters of provider ``local``, but of those that somebody changes now.

    ``only`` is the one cluster that is meant; None: all of them, and any job.
    """
    homes, storages = [], []
    for folder in sorted((state_folder() / "clusters").glob(only or "*")):
        if not is_changed_now(folder):
            homes.append(str(folder / "node"))
            storages += _storages(folder.name)
    once = tuple(dict.fromkeys(storages))
    return Place(HOST, sys.executable, tuple(homes), once, only_theirs=only is not None)


def places_of(session: Session) -> tuple[Place, ...]:
    """All nodes of a cluster; where no look has found their Python, the one that PATH has."""
    cluster, seen = session.cluster, load_facts(session.folder)
    planned = planned_facts(cluster)
    facts = seen.nodes if seen else {}
    return tuple(
        Place(
            node.name,
            (facts.get(node.name) or planned[node.name]).python,
            (cluster.home_of(node.name),),
            (our_storage(cluster),) if node in cluster.keepers else (),
        )
        for node in cluster.nodes
    )


def our_storage(cluster: Cluster) -> str:
    """Our folder in the storage; beside it lie the user's own."""
    return f"{cluster.storage.path}/clusterkit"


def look_at_nodes(
    places: Iterable[Place], reach: Callable[[str], Transport], chosen: Collection[str]
) -> NodesSeen:
    """What is left on the ``chosen`` nodes; nothing of a job that lives on any of them all."""
    seen = _asked({place.node: place.command("look") for place in places}, reach)
    return NodesSeen(
        found=tuple(each for each in seen.found if each.node in chosen),
        unseen=tuple(each for each in seen.unseen if each.node in chosen),
        ids={node: ids for node, ids in (seen.ids or {}).items() if node in chosen},
    )


def sweep_nodes(
    places: Iterable[Place], agreed: NodesSeen, reach: Callable[[str], Transport]
) -> NodesSeen:
    """Remove what was agreed to, and tell what of it is still there."""
    ids = agreed.ids or {}
    return _asked(
        {
            place.node: place.command("remove", ids[place.node])
            for place in places
            if ids.get(place.node)
        },
        reach,
    )


def sweep_step(place: Place) -> Step:
    """What looks at a place, not asked."""
    return Step(
        place.node, "look for what crashed runs left", place.command("look"), stage="sweep"
    )


def _asked(commands: Mapping[str, Command], reach: Callable[[str], Transport]) -> NodesSeen:
    def ask(node: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(reach(node).run(commands[node]).check().stdout)
        return answer

    answers = on_each(commands, ask)
    told = {node: answer for node, answer in answers.items() if isinstance(answer, dict)}
    living = {job for answer in told.values() for job in answer["living"]}
    ours = {job for answer in told.values() for job in answer["jobs"]}
    unseen = tuple(
        Unseen(node=node, why=str(answer).removeprefix(f"{node}: "), is_node=node != HOST)
        for node, answer in answers.items()
        if isinstance(answer, ClusterkitError)
    )
    rows = {
        node: [row for row in answer["items"] if _may_go(row, living, ours, whole=not unseen)]
        for node, answer in told.items()
    }
    return NodesSeen(
        found=tuple(_leftover(node, row) for node in rows for row in rows[node]),
        unseen=unseen,
        ids={node: tuple(row["id"] for row in rows[node]) for node in rows},
    )


def _may_go(row: Mapping[str, Any], living: set[str], ours: set[str], *, whole: bool) -> bool:
    """Files of a job may be those of all nodes: they stay while one has it, or cannot be asked.

    Shared memory may be that of other containers; it goes only with a job of this cluster.
    """
    if row["job"] in living:
        return False
    if row["kind"] == "shared-memory" and row["job"] not in ours:
        return False
    return whole or row["kind"] not in _OF_JOBS


def _leftover(node: str, row: Mapping[str, Any]) -> Leftover:
    shown = {key: row[key] for key in ("kind", "what", "why", "remove_with")}
    return Leftover(node=node, **shown)


def _storages(name: str) -> list[str]:
    """Of a cluster of provider ``local``; none where its record cannot be read."""
    try:
        if clusters.recall(name) is None:
            return []
        cluster = find(Which(name)).cluster
    except ClusterkitError:
        return []
    return [our_storage(cluster)] if cluster.provider == "local" else []

"""``engines push``: bring an engine from the head to the nodes of its ranks, before a run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.command import Step
from clusterkit.errors import UsageError
from clusterkit.events import Sink
from clusterkit.model.engines_options import EnginesOptions
from clusterkit.placement import place_stages
from clusterkit.results.engines import EnginesResult
from clusterkit.use_cases.builder import builder_for
from clusterkit.use_cases.engine_commands import engines_folder
from clusterkit.use_cases.engine_pushing import push_engine, push_steps
from clusterkit.use_cases.engines import engines_now
from clusterkit.use_cases.launch import known_facts
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world


@dataclass(frozen=True, slots=True)
class _Engine:
    """An engine on the head, whole."""

    name: str
    folder: str
    manifest: Mapping[str, Any]


def push_named(session: Session, options: EnginesOptions, *, sink: Sink) -> EnginesResult:
    """Bring each node what its ranks need and it lacks; every byte of what it has is read.

    Raises:
        UsageError: If there is no such engine, or the head's is damaged.
        NodesFailed: With every node that did not get its files; all others have them.
    """
    began = time.monotonic()
    _refuse_shared(session)
    facts = known_facts(session)
    verb = "engines push"
    with open_world(session) as world, locked(session, world, verb, options, sink=sink):
        found = engines_now(session, world, facts, _shown(str(options.name)))
        engine = _on_head(found, session.cluster.head.name)
        shape = engine.manifest["engine"]
        placement = place_stages(session.cluster, tp=shape["tp"], pp=shape["pp"])
        builder = builder_for(session, world, facts=facts, sink=sink)
        pushed = push_engine(session, builder, engine, placement, facts, verify=True)
        seen = engines_now(session, world, facts, _shown(engine.name)) if pushed else found
    rows = tuple(row.model_copy(update={"manifest": None}) for row in seen.engines)
    took_s = time.monotonic() - began
    return seen.model_copy(update={"engines": rows, "pushed": pushed, "took_s": took_s})


def _shown(name: str) -> EnginesOptions:
    return EnginesOptions(action="show", name=name)


def push_named_steps(session: Session, options: EnginesOptions) -> tuple[Step, ...]:
    """What would be looked at and sent, not run."""
    _refuse_shared(session)
    cluster = session.cluster
    folder = f"{engines_folder(cluster)}/{options.name}"
    nodes = [node.name for node in cluster.nodes[1:]]
    return push_steps(cluster, planned_facts(cluster), folder=folder, nodes=nodes, verify=True)


def _refuse_shared(session: Session) -> None:
    storage = session.cluster.storage
    if storage.kind != "sync":
        raise UsageError(
            f"cluster {session.cluster.name} has storage of kind `{storage.kind}`, where every "
            "node sees the head's engines. Fix: nothing is to be pushed; run `clusterkit infer`"
        )


def _on_head(found: EnginesResult, head: str) -> _Engine:
    (row,) = found.engines
    state = row.nodes[head]
    if state != "ready" or row.manifest is None:
        why = "; ".join(row.problems.get(head, (state,)))
        raise UsageError(
            f"{head}: {row.name} is not whole there: {why}. Fix: run `clusterkit build` again"
        )
    return _Engine(row.name, row.folder, row.manifest)

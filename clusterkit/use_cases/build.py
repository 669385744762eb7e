"""``build`` on an open cluster: place its model or its engine on the storage."""

from __future__ import annotations

import time

from clusterkit.command import Step
from clusterkit.events import Sink
from clusterkit.model.options import BuildOptions
from clusterkit.results.models import BuildResult, ModelShape
from clusterkit.use_cases.builder import builder_for, place_everywhere, placing_steps
from clusterkit.use_cases.built_engine import (
    BuiltEngine,
    is_built,
    refuse_served,
    with_version,
)
from clusterkit.use_cases.gate import check_now, check_verdict
from clusterkit.use_cases.launch import facts_now, known_facts
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world, with_engine


def build(session: Session, options: BuildOptions, *, sink: Sink) -> BuildResult:
    """Build the engine, or fetch and convert the model, unless it is there and whole; place it.

    Raises:
        NodesFailed: With every node that did not get its copy; all others have it.
        ClusterkitError: If the last gate failed, or the nodes are not fit, unless forced.
    """
    began = time.monotonic()
    session = with_engine(session, {"model": options.model})
    refuse_served(session)
    facts = known_facts(session)
    check_verdict(session, force=options.force)
    with open_world(session) as world, locked(session, world, "build", options, sink=sink):
        if is_built(session, facts):
            facts = facts_now(session, world, facts)  # what is installed is part of the engine
            session = with_version(session, facts)
        check_now(session.cluster, facts, force=options.force)
        builder = builder_for(session, world, facts=facts, sink=sink)
        names = [node.name for node in session.cluster.nodes]
        built, copied_to = place_everywhere(
            session, builder, facts=facts, nodes=names, verify=options.verify
        )
    shape = built.shape
    return BuildResult(
        cluster=session.cluster.name,
        model=built.name,
        folder=built.folder,
        digest=built.digest,
        changed=built.changed or bool(copied_to),
        copied_to=copied_to,
        size_bytes=built.size_bytes,
        shape=ModelShape(
            layers=shape.layers,
            heads=shape.heads,
            kv_heads=shape.kv_heads,
            hidden_size=shape.hidden,
            vocabulary=shape.vocab,
            context=shape.max_context,
            parameters=shape.parameters,
        ),
        log=built.log if isinstance(built, BuiltEngine) and built.changed else None,
        took_s=time.monotonic() - began,
    )


def build_steps(session: Session, options: BuildOptions) -> tuple[Step, ...]:
    """The steps of a first build, not run."""
    session = with_engine(session, {"model": options.model})
    return placing_steps(session, planned_facts(session.cluster))

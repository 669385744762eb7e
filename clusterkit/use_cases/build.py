"""``build`` on an open cluster: place its model on the storage."""

from __future__ import annotations

import time

from clusterkit.command import Step
from clusterkit.events import Sink
from clusterkit.model.options import BuildOptions
from clusterkit.results.models import BuildResult, ModelShape
from clusterkit.use_cases.builder import builder_for, place_everywhere, placing_steps
from clusterkit.use_cases.gate import check_now, check_verdict
from clusterkit.use_cases.launch import known_facts
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world, with_engine


def build(session: Session, options: BuildOptions, *, sink: Sink) -> BuildResult:
    """Fetch, convert and place the model, unless it is there and whole; on every node's storage.

    Raises:
        NodesFailed: With every node that did not get its copy; all others have it.
        ClusterkitError: If the last gate failed, or the nodes are not fit, unless forced.
    """
    began = time.monotonic()
    session = with_engine(session, {"model": options.model})
    facts = known_facts(session)
    check_verdict(session, force=options.force)
    check_now(session.cluster, facts, force=options.force)
    with open_world(session) as world, locked(session, world, "build", sink=sink):
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
        took_s=time.monotonic() - began,
    )


def build_steps(session: Session, options: BuildOptions) -> tuple[Step, ...]:
    """The steps of a first build, not run."""
    session = with_engine(session, {"model": options.model})
    return placing_steps(session, planned_facts(session.cluster))

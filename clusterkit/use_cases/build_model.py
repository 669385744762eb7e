"""``build`` on an open cluster: place its model on the storage."""

from __future__ import annotations

import time

from clusterkit.command import Step
from clusterkit.events import Sink
from clusterkit.facts import NodeFacts
from clusterkit.model.models import model_source
from clusterkit.model.options import BuildOptions
from clusterkit.results import BuildResult, ModelShape
from clusterkit.results.status import ModelState
from clusterkit.tasks.payload import payload_folder
from clusterkit.transports.world import World
from clusterkit.use_cases.build import DIFFERS, build
from clusterkit.use_cases.build_steps import check_command, target_of
from clusterkit.use_cases.builder import build_steps, builder_for
from clusterkit.use_cases.launch import known_facts
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world, with_engine


def build_model(session: Session, options: BuildOptions, *, sink: Sink) -> BuildResult:
    """Fetch, convert and place the model, unless it is there and whole."""
    began = time.monotonic()
    session = with_engine(session, {"model": options.model})
    facts = known_facts(session)
    with open_world(session) as world, locked(session, world, "build"):
        builder = builder_for(session, world, facts=facts, sink=sink)
        built = build(session.cluster, builder, verify=options.verify)
    shape = built.shape
    return BuildResult(
        cluster=session.cluster.name,
        model=built.name,
        folder=built.folder,
        digest=built.digest,
        changed=built.changed,
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


def build_model_steps(session: Session, options: BuildOptions) -> tuple[Step, ...]:
    """The steps of a first build, not run."""
    session = with_engine(session, {"model": options.model})
    return build_steps(session, planned_facts(session.cluster))


def model_state(session: Session, world: World, facts: NodeFacts) -> ModelState:
    """``ready``, ``absent`` or ``damaged`` on the storage; ``unknown`` before it was fetched."""
    builtin = model_source(session.cluster.engine.model).builtin
    if builtin is None:
        return "unknown"
    target = target_of(session.cluster, builtin.name, builtin.wheel.member_sha256)
    payloads = payload_folder(session.cluster.home)
    seen = world.perform(session.cluster.head.name, check_command(facts.python, payloads, target))
    if seen.ok:
        return "ready"
    if seen.exit_code != DIFFERS:
        return "unknown"
    return "absent" if "manifest.json is missing" in seen.stdout else "damaged"

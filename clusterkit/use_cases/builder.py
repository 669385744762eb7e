"""What building a model needs, from an open cluster."""

from __future__ import annotations

from clusterkit.command import Step
from clusterkit.events import Sink
from clusterkit.state.folders import cache_folder
from clusterkit.tasks.payload import payload_folder
from clusterkit.transports.local import LocalTransport
from clusterkit.transports.world import World
from clusterkit.use_cases.build import Builder
from clusterkit.use_cases.build_steps import dry_build
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.session import Session


def builder_for(session: Session, world: World, *, facts: Facts, sink: Sink) -> Builder:
    """The head converts; this machine fetches."""
    return Builder(
        transport=world.transport,
        here=LocalTransport(),
        cache=cache_folder(),
        python=facts[session.cluster.head.name].python,
        payloads=payload_folder(session.cluster.home),
        sink=sink,
    )


def build_steps(session: Session, facts: Facts) -> tuple[Step, ...]:
    """The steps of a first build, not run."""
    return dry_build(
        session.cluster,
        python=facts[session.cluster.head.name].python,
        payloads=payload_folder(session.cluster.home),
        cache=str(cache_folder()),
        source="pypi",
    )

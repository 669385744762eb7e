"""What placing a model needs, from an open cluster; and whether it is in its place."""

from __future__ import annotations

from clusterkit.command import Command, Step
from clusterkit.events import Sink
from clusterkit.facts import NodeFacts
from clusterkit.model.models import model_source
from clusterkit.payloads.model_protocol import DIFFERS, MANIFEST
from clusterkit.results.status import ModelState
from clusterkit.state.folders import cache_folder
from clusterkit.tasks.payload import payload_folder
from clusterkit.transports.local import LocalTransport
from clusterkit.transports.world import World
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.model_commands import check_command, first_build_steps, target_of
from clusterkit.use_cases.model_placing import Builder
from clusterkit.use_cases.session import Session


def builder_for(session: Session, world: World, *, facts: Facts, sink: Sink) -> Builder:
    """The head converts; this machine fetches."""
    return Builder(
        transport=world.transport,
        look=world.perform,
        here=LocalTransport(),
        cache=cache_folder(),
        python=facts[session.cluster.head.name].python,
        payloads=_payloads(session),
        sink=sink,
    )


def placing_steps(session: Session, facts: Facts) -> tuple[Step, ...]:
    """The steps of a first build, not run."""
    return first_build_steps(
        session.cluster,
        python=facts[session.cluster.head.name].python,
        payloads=_payloads(session),
        cache=str(cache_folder()),
        source="pypi",
    )


def model_state(session: Session, world: World, facts: NodeFacts) -> ModelState:
    """``ready``, ``absent`` or ``damaged`` on the storage; ``unknown`` before it was fetched."""
    looks = model_looks(session, facts)
    if not looks:
        return "unknown"
    seen = world.perform(session.cluster.head.name, looks[0])
    if seen.ok:
        return "ready"
    if seen.exit_code != DIFFERS:
        return "unknown"
    return "absent" if f"{MANIFEST} is missing" in seen.stdout else "damaged"


def model_looks(session: Session, head: NodeFacts) -> tuple[Command, ...]:
    """What asks the head for a built-in model; where another lies is known once it is fetched."""
    builtin = model_source(session.cluster.engine.model).builtin
    if builtin is None:
        return ()
    target = target_of(session.cluster, builtin.name, builtin.wheel.member_sha256)
    return (check_command(head.python, _payloads(session), target),)


def _payloads(session: Session) -> str:
    """The payloads on the head."""
    return payload_folder(session.cluster.home_of(session.cluster.head.name))

"""What placing a model needs, from an open cluster; and whether it is in its place."""

from __future__ import annotations

from collections.abc import Sequence

from clusterkit.command import Command, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.events import Sink
from clusterkit.executor import on_each
from clusterkit.model.models import model_source
from clusterkit.payloads.model_protocol import DIFFERS, MANIFEST
from clusterkit.results.status import ModelState
from clusterkit.state.folders import cache_folder
from clusterkit.tasks.payload import payload_folder
from clusterkit.transports.local import LocalTransport
from clusterkit.transports.world import World
from clusterkit.use_cases.built_engine import BuiltEngine, is_built
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.model_commands import (
    Receiver,
    check_command,
    first_build_steps,
    target_of,
)
from clusterkit.use_cases.model_placing import Builder, BuiltModel, place_model
from clusterkit.use_cases.model_spreading import spread_model
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


def place_everywhere(
    session: Session,
    builder: Builder,
    *,
    facts: Facts,
    nodes: Sequence[str],
    verify: bool = False,
) -> tuple[BuiltModel | BuiltEngine, tuple[str, ...]]:
    """The model or engine on the storage of ``nodes``, and those to which it was copied.

    Raises:
        NodesFailed: With every node that did not get it; all others have it.
    """
    if is_built(session, facts):
        from clusterkit.use_cases.engine_building import place_engine  # only who has one pays

        return place_engine(session, builder, facts=facts, verify=verify)
    cluster = session.cluster
    model = place_model(cluster, builder, verify=verify)
    receivers = receivers_of(session, facts, nodes)
    return model, spread_model(cluster, builder, model, receivers, verify=verify)


def receivers_of(session: Session, facts: Facts, nodes: Sequence[str]) -> tuple[Receiver, ...]:
    """The nodes besides the head that need a copy of their own; none where storage is shared."""
    cluster = session.cluster
    if cluster.storage.kind != "sync":
        return ()
    return tuple(
        Receiver(node.name, facts[node.name].python, _payloads(session, node.name))
        for node in cluster.nodes[1:]
        if node.name in nodes
    )


def placing_steps(
    session: Session, facts: Facts, nodes: Sequence[str] | None = None
) -> tuple[Step, ...]:
    """The steps of a first build for ``nodes``, by default all; not run."""
    if is_built(session, facts):
        from clusterkit.use_cases.engine_building import engine_steps

        return engine_steps(session, facts)
    names = [node.name for node in session.cluster.nodes] if nodes is None else nodes
    return first_build_steps(
        session.cluster,
        python=facts[session.cluster.head.name].python,
        payloads=_payloads(session),
        cache=str(cache_folder()),
        source="pypi",
        receivers=receivers_of(session, facts, names),
    )


def placed_folder(session: Session, facts: Facts) -> str:
    """Where ranks will find what they load, as far as nobody has looked."""
    if is_built(session, facts):
        from clusterkit.use_cases.engine_building import planned_folder

        return planned_folder(session, facts)
    return "<known after build>"


def model_states(session: Session, world: World, facts: Facts) -> dict[str, ModelState]:
    """``ready``, ``absent`` or ``damaged`` on each storage, by the node that was asked.

    That is the head, or, where each node has a storage of its own, every node with ``facts``.
    ``unknown``: before it was fetched, or where nobody answers.
    """
    cluster = session.cluster
    asked = [node.name for node in cluster.keepers if node.name in facts]
    if asked and cluster.head.name in facts and is_built(session, facts):
        from clusterkit.use_cases.engine_states import engine_states

        return engine_states(session, world, facts, asked)
    looks = dict(model_looks(session, facts, asked))
    answers = on_each(looks, lambda name: world.perform(name, looks[name]))
    return {name: state_of(answers.get(name)) for name in asked}


def model_looks(
    session: Session, facts: Facts, nodes: Sequence[str]
) -> tuple[tuple[str, Command], ...]:
    """What asks nodes for a built-in model; where another lies is known once it is fetched.

    Where the storage is shared, the head alone is asked.
    """
    cluster = session.cluster
    builtin = model_source(cluster.engine.model).builtin
    if builtin is None:
        return ()
    target = target_of(cluster, builtin.name, builtin.wheel.member_sha256)
    asked = [each.name for each in receivers_of(session, facts, nodes)]
    if cluster.head.name in nodes:
        asked = [cluster.head.name, *asked]
    return tuple(
        (name, check_command(facts[name].python, _payloads(session, name), target))
        for name in asked
    )


def state_of(seen: Result | ClusterkitError | None) -> ModelState:
    """What the answer to `convert --check` means."""
    if not isinstance(seen, Result):
        return "unknown"
    if seen.ok:
        return "ready"
    if seen.exit_code != DIFFERS:
        return "unknown"
    return "absent" if f"{MANIFEST} is missing" in seen.stdout else "damaged"


def _payloads(session: Session, node: str | None = None) -> str:
    """The payloads on a node, by default the head."""
    cluster = session.cluster
    return payload_folder(cluster.home_of(node or cluster.head.name))

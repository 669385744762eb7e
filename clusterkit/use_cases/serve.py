"""Serve a model over all ranks, until the user ends it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from clusterkit.command import Step
from clusterkit.engines.base import engine_of
from clusterkit.engines.serving import Listening, LooksFirst
from clusterkit.errors import JobFailed
from clusterkit.events import Note, Sink
from clusterkit.model.models import ModelShape
from clusterkit.model.node_sets import fold
from clusterkit.model.serve_options import ServeOptions
from clusterkit.placement import Placement, place_stages
from clusterkit.results.serve import ServeResult
from clusterkit.transports.world import World
from clusterkit.use_cases.asked import ServeAsked
from clusterkit.use_cases.audit import audited
from clusterkit.use_cases.builder import (
    builder_for,
    place_everywhere,
    placed_folder,
    placing_steps,
)
from clusterkit.use_cases.built_engine import BuiltEngine, with_version
from clusterkit.use_cases.by_triton import by_triton, needs_triton
from clusterkit.use_cases.gate import check_now, check_verdict
from clusterkit.use_cases.heard import Heard
from clusterkit.use_cases.launch import Facts, facts_now, known_facts, make_job
from clusterkit.use_cases.model_placing import BuiltModel
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.replicas import check_replicas, places, replica_group
from clusterkit.use_cases.serve_group import Group, run_group
from clusterkit.use_cases.serve_heard import ServeHeard
from clusterkit.use_cases.serve_looking import look_everywhere, look_steps
from clusterkit.use_cases.serve_wish import grace_s, open_to_all, serving, with_wish
from clusterkit.use_cases.served import Served, from_here, refuse_taken, tunnelled
from clusterkit.use_cases.session import Session, open_world
from clusterkit.use_cases.spares import with_spares

OnReady = Callable[[ServeResult], None]


def serve(session: Session, options: ServeOptions, *, sink: Sink, on_ready: OnReady) -> None:
    """Check, build what is missing, start the server; ``on_ready`` once it gave a completion.

    Returns when the server ended after that by itself, and well; one that is to be detached is
    left alone as soon as it is ready. Until then a tunnel leads to it, where one is needed.

    Raises:
        UsageError: If the cluster is not up, or its engine cannot serve this.
        ClusterkitError: If the last gate failed, or the nodes are not fit, unless forced.
        JobFailed: If it ended otherwise, with what is known of why; 130 where the user ended it.
    """
    session = with_wish(session, options)
    needs_triton(session, options.engine)
    serving(session, options)
    if warning := open_to_all(options):
        sink(Note(warning))
    with ExitStack() as stack:
        front = _Front(session, options, stack, on_ready)

        def attempt(session: Session, sink: Sink) -> ServeResult | None:
            _attempt(session, options, front, sink=sink)
            return None  # it was told when it was ready

        with_spares(session, options.retries, attempt, sink=sink)


def _attempt(session: Session, options: ServeOptions, front: _Front, *, sink: Sink) -> None:
    """One server on the members, from what they are now to its end."""
    remembered = known_facts(session)  # says so if the cluster is not up
    check_verdict(session, force=options.force)
    with open_world(session) as world, audited(session, world, "serve", options):
        facts = facts_now(session, world, remembered)
        check_now(session.cluster, facts, force=options.force)
        session = with_version(session, facts)
        if needs_triton(session, options.engine):
            session = by_triton(session, _built(session, options, world, facts, sink).folder)
        engine = serving(session, options)
        shape, folder = None, session.cluster.engine.model
        _checked(session, options, shape, facts, sink)
        where = listening(session, options)
        served = Served.of(session.cluster.engine, _first_node(session, options), where)
        if isinstance(engine, LooksFirst):
            looks = look_everywhere(session, engine, where, world, facts)
            for warning in engine.check_looks(looks, _placement(session), where):
                sink(Note(warning))
        else:
            refuse_taken(session, world, served)
        if engine.serves_built():
            built = _built(session, options, world, facts, sink)
            shape, folder = built.shape, built.folder
            _checked(session, options, shape, facts, sink)
        group = _group(session, options, folder=folder, facts=facts)
        asked = ServeAsked.of(session, group, served=served, detached=options.detach)
        group = group.asked(asked.as_json())
        heard = Heard(engine_of(session.cluster.engine).parse, sink)
        listener = ServeHeard(
            heard, lambda told: front.ready(asked, told, sink), is_detached=options.detach
        )
        try:
            end = run_group(session, group, world, listener, sink)
        except JobFailed as error:
            settings = session.cluster.engine
            raise heard.explained(error, engine_of(settings).explain) from None
    if end.outcome == "detached":
        front.tell()
    elif options.detach or not listener.is_ready:
        raise JobFailed(
            f"job {group.name}: the server ended before it answered. "
            f"Fix: see `clusterkit logs {group.name}`"
        )


class _Front:
    """What the user sees of the server: its URL, told once, and the tunnel behind it."""

    def __init__(
        self, session: Session, options: ServeOptions, stack: ExitStack, on_ready: OnReady
    ) -> None:
        self._session, self._options = session, options
        self._stack, self._on_ready = stack, on_ready
        self._result: ServeResult | None = None
        self._is_told = False

    def ready(self, asked: ServeAsked, told: Mapping[str, Any], sink: Sink) -> None:
        """It answers, for the first time or once more after it was lost."""
        if self._result is not None:
            sink(Note(f"job {asked.id} answers again at {self._result.url}"))
            return
        reached = from_here(self._session, asked.served)
        if reached.via == "proxy" and not self._options.detach:
            reached = self._stack.enter_context(tunnelled(self._session, asked.served))
            if not reached.url.endswith(f":{self._options.port}"):
                sink(Note(f"port {self._options.port} of this machine is taken: see the URL"))
        self._result = asked.result(self._session.cluster.name, told, reached)
        if not self._options.detach:
            self.tell()

    def tell(self) -> None:
        """Say where it is; of a server that is left alone, once it is."""
        if self._result is not None and not self._is_told:
            self._is_told = True
            self._on_ready(self._result)


def serve_steps(session: Session, options: ServeOptions) -> list[Step]:
    """The steps of :func:`serve` where nothing is there yet, not run."""
    session = with_wish(session.crew, options)
    needs_triton(session, options.engine)
    serving(session, options)
    facts = planned_facts(session.cluster)
    session = with_version(session, facts)
    building: tuple[Step, ...] = ()
    if needs_triton(session, options.engine):
        building = placing_steps(session, facts, list(_placement(session).nodes))
        session = by_triton(session, placed_folder(session, facts))
    engine = serving(session, options)
    _checked(session, options, None, {}, sink=lambda _: None)
    is_built = engine.serves_built()
    folder = "<known after build>" if is_built else session.cluster.engine.model
    started = _group(session, options, folder=folder, facts=facts).steps()
    if is_built:
        names = list(used_nodes(session, options))
        head = session.cluster.head.name
        names = [head, *(name for name in names if name != head)]
        return [*placing_steps(session, facts, names), *started]
    where = listening(session, options)
    looks = isinstance(engine, LooksFirst) and look_steps(session, engine, where, facts)
    return [*building, *(looks or ()), *started]


def listening(session: Session, options: ServeOptions) -> Listening:
    """Where rank 0 listens: for its own node alone, unless told otherwise."""
    first = session.cluster.node(_first_node(session, options))
    host = options.host or "127.0.0.1"
    is_any = host in ("0.0.0.0", "::")  # noqa: S104
    reached_at = (first.address or "127.0.0.1") if is_any else host
    addresses = {node.name: node.address for node in session.cluster.nodes}
    return Listening(host, options.port, reached_at, addresses)


def _built(
    session: Session, options: ServeOptions, world: World, facts: Facts, sink: Sink
) -> BuiltModel | BuiltEngine:
    """What is served, built where it is not there, on every node that will have ranks."""
    builder = builder_for(session, world, facts=facts, sink=sink)
    nodes = used_nodes(session, options)
    built, copied_to = place_everywhere(session, builder, facts=facts, nodes=nodes)
    if built.changed:
        sink(Note(f"built {built.name}: it stays in {built.folder}"))
    if copied_to:
        sink(Note(f"copied {built.name} to {fold(copied_to)}"))
    return built


def _checked(
    session: Session,
    options: ServeOptions,
    shape: ModelShape | None,
    facts: Facts,
    sink: Sink,
) -> None:
    if options.replicas > 1:
        warnings = check_replicas(session, options, shape, facts)
    else:
        warnings = serving(session, options).check_serve(shape, session.cluster, facts)
    for warning in warnings:
        sink(Note(warning))


def _placement(session: Session) -> Placement:
    settings = session.cluster.engine
    return place_stages(session.cluster, tp=settings.tp, pp=settings.pp)


def used_nodes(session: Session, options: ServeOptions) -> tuple[str, ...]:
    """The nodes that get ranks, the first rank's first."""
    if options.replicas == 1:
        return _placement(session).nodes
    nodes = [node for each in places(session, options) for node in each.nodes]
    return tuple(dict.fromkeys(nodes))


def _first_node(session: Session, options: ServeOptions) -> str:
    """Where the server listens: on the node of rank 0; a router is on the head."""
    return session.cluster.head.name if options.replicas > 1 else _placement(session).nodes[0]


def _group(session: Session, options: ServeOptions, *, folder: str, facts: Facts) -> Group:
    """The one job of a server, or those of its replicas and their router."""
    where = listening(session, options)
    if options.replicas > 1:
        return replica_group(session, options, where, folder=folder, facts=facts)
    placement, engine = _placement(session), serving(session, options)
    made = make_job(
        session,
        "serve",
        placement=placement,
        program=lambda python, payloads: engine.serve(python, payloads, folder, placement, where),
        facts=facts,
        timeout_s=options.timeout_s,
    )
    return Group(replace(made, grace_s=grace_s(session, options), restarts=options.restart))

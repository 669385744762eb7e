"""Serve a model over all ranks, until the user ends it."""

from __future__ import annotations

from collections.abc import Callable

from clusterkit.command import Step
from clusterkit.engines.base import engine_of
from clusterkit.engines.serving import Listening, LooksFirst, ServingEngine
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import Note, Sink
from clusterkit.jobs import Job
from clusterkit.model.models import ModelShape
from clusterkit.model.node_sets import fold
from clusterkit.model.serve_options import ServeOptions
from clusterkit.placement import Placement, place_stages
from clusterkit.results.serve import ServeResult
from clusterkit.transports.world import World
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
from clusterkit.use_cases.launch import Facts, facts_now, job_steps, known_facts, make_job, run
from clusterkit.use_cases.model_placing import BuiltModel
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.serve_looking import look_everywhere, look_steps
from clusterkit.use_cases.serve_ready import ReadyListener
from clusterkit.use_cases.session import Session, open_world, with_engine


def serve(
    session: Session,
    options: ServeOptions,
    *,
    sink: Sink,
    on_ready: Callable[[ServeResult], None],
) -> None:
    """Check, build what is missing, start the server; ``on_ready`` once it gave a completion.

    Returns when the server ended after that by itself, and well; or with ``options.detach`` when
    it is ready: then it runs on, and ``on_ready`` is called once nobody here holds it any more.

    Raises:
        UsageError: If the cluster is not up, or its engine cannot serve this.
        ClusterkitError: If the last gate failed, or the nodes are not fit, unless forced.
        JobFailed: If it ended otherwise, with what is known of why; 130 where the user ended it.
    """
    session = _with_options(session, options)
    needs_triton(session, options.engine)
    _serving(session)
    remembered = known_facts(session)  # says so if the cluster is not up
    check_verdict(session, force=options.force)
    with open_world(session) as world:
        facts = facts_now(session, world, remembered)
        check_now(session.cluster, facts, force=options.force)
        session = with_version(session, facts)
        if needs_triton(session, options.engine):
            session = by_triton(session, _built(session, world, facts, sink).folder)
        engine = _serving(session)
        shape, folder = None, session.cluster.engine.model
        _checked(session, engine, shape, facts, sink)
        where = listening(session, options)
        if isinstance(engine, LooksFirst):
            looks = look_everywhere(session, engine, where, world, facts)
            for warning in engine.check_looks(looks, _placement(session), where):
                sink(Note(warning))
        if engine.serves_built():
            built = _built(session, world, facts, sink)
            shape, folder = built.shape, built.folder
            _checked(session, engine, shape, facts, sink)
        job = _job(session, options, folder=folder, facts=facts)
        heard = Heard(engine_of(session.cluster.engine).parse, sink)
        listener = ReadyListener(
            heard, session, job, where, detach=options.detach, on_ready=on_ready
        )
        try:
            end = run(job, world, listener, detach_when=listener.may_leave)
        except JobFailed as error:
            raise heard.explained(error, engine_of(session.cluster.engine).explain) from None
    if listener.result is None or (options.detach and end.outcome != "detached"):
        raise JobFailed(
            f"job {job.id}: the server ended before it answered. "
            f"Fix: see `clusterkit logs {job.id}`"
        )
    if options.detach:
        on_ready(listener.result)


def serve_steps(session: Session, options: ServeOptions) -> list[Step]:
    """The steps of :func:`serve` where nothing is there yet, not run."""
    session = _with_options(session, options)
    needs_triton(session, options.engine)
    _serving(session)
    facts = planned_facts(session.cluster)
    session = with_version(session, facts)
    building: tuple[Step, ...] = ()
    if needs_triton(session, options.engine):
        building = placing_steps(session, facts, list(_placement(session).nodes))
        session = by_triton(session, placed_folder(session, facts))
    engine = _serving(session)
    engine.check_serve(None, session.cluster, {})
    if not engine.serves_built():
        job = _job(session, options, folder=session.cluster.engine.model, facts=facts)
        where = listening(session, options)
        looks = isinstance(engine, LooksFirst) and look_steps(session, engine, where, facts)
        return [*building, *(looks or ()), *job_steps(job)]
    job = _job(session, options, folder="<known after build>", facts=facts)
    return [*placing_steps(session, facts, [node.name for node in job.nodes]), *job_steps(job)]


def listening(session: Session, options: ServeOptions) -> Listening:
    """Where rank 0 listens: on the cluster network, unless told otherwise."""
    first = session.cluster.node(_placement(session).nodes[0])
    own = first.address or "127.0.0.1"
    host = options.host or own
    is_any = host in ("0.0.0.0", "::")  # noqa: S104
    addresses = {node.name: node.address for node in session.cluster.nodes}
    return Listening(host, options.port, own if is_any else host, addresses)


def _built(session: Session, world: World, facts: Facts, sink: Sink) -> BuiltModel | BuiltEngine:
    """What is served, built where it is not there, on every node that will have ranks."""
    builder = builder_for(session, world, facts=facts, sink=sink)
    nodes = _placement(session).nodes
    built, copied_to = place_everywhere(session, builder, facts=facts, nodes=nodes)
    if built.changed:
        sink(Note(f"built {built.name}: it stays in {built.folder}"))
    if copied_to:
        sink(Note(f"copied {built.name} to {fold(copied_to)}"))
    return built


def _with_options(session: Session, options: ServeOptions) -> Session:
    """The cluster with the model and the split that the options ask for, for this run only."""
    asked = {"model": options.model, "tp": options.tp, "pp": options.pp}
    if options.tp is not None or options.pp is not None:
        asked |= {"tp": options.tp or 1, "pp": options.pp or 1}
    return with_engine(session, asked)


def _serving(session: Session) -> ServingEngine:
    engine = engine_of(session.cluster.engine)
    if isinstance(engine, ServingEngine):
        return engine
    raise UsageError(
        f"engine.name: `serve` needs engine tensorrt-llm or triton, and cluster "
        f"{session.cluster.name} has {session.cluster.engine.name}. Fix: `clusterkit infer`, or "
        "`engine: {name: tensorrt-llm, …}` in the inventory"
    )


def _checked(
    session: Session, engine: ServingEngine, shape: ModelShape | None, facts: Facts, sink: Sink
) -> None:
    for warning in engine.check_serve(shape, session.cluster, facts):
        sink(Note(warning))


def _placement(session: Session) -> Placement:
    settings = session.cluster.engine
    return place_stages(session.cluster, tp=settings.tp, pp=settings.pp)


def _job(session: Session, options: ServeOptions, *, folder: str, facts: Facts) -> Job:
    placement, engine = _placement(session), _serving(session)
    where = listening(session, options)
    return make_job(
        session,
        "serve",
        placement=placement,
        program=lambda python, payloads: engine.serve(python, payloads, folder, placement, where),
        facts=facts,
        timeout_s=options.timeout_s,
    )

"""Ask a server that runs on the cluster, through a job of one rank beside it."""

from __future__ import annotations

from dataclasses import replace

from clusterkit.command import Step
from clusterkit.engines.base import engine_of
from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import Sink
from clusterkit.jobs import Job, list_jobs
from clusterkit.model.infer_options import InferOptions
from clusterkit.model.triton import TritonSettings
from clusterkit.placement import Placement, Rank, place_stages
from clusterkit.results.infer import InferResult
from clusterkit.results.jobs import DetachedResult
from clusterkit.transports.world import World
from clusterkit.use_cases.asked import InferAsked
from clusterkit.use_cases.heard import Heard
from clusterkit.use_cases.jobs import job_nodes
from clusterkit.use_cases.launch import (
    Facts,
    detached,
    facts_now,
    is_running,
    job_node,
    job_steps,
    known_facts,
    make_job,
    run,
    unless_detached,
)
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world


def is_asked(session: Session) -> bool:
    """Whether this engine answers from a server alone."""
    return isinstance(session.cluster.engine, TritonSettings)


def ask(
    session: Session, options: InferOptions, request: GenerateRequest, *, sink: Sink
) -> InferResult | DetachedResult:
    """Ask the server that runs; it goes on after that.

    Raises:
        UsageError: If none runs, or another model is asked.
        JobFailed: If the server did not answer, with what it said.
    """
    _check(options)
    engine = engine_of(session.cluster.engine)
    remembered = known_facts(session)  # says so if the cluster is not up
    heard = Heard(engine.parse, unless_detached(sink, is_detached=options.detach))
    with open_world(session) as world:
        server = _running(session, world)
        facts = facts_now(session, world, remembered)
        job = _job(session, options, request, server=server, facts=facts)
        heard.start()
        model = _settings(session).served
        asked = InferAsked.of(session, job, request, model=model, before_s=heard.before_s)
        job = replace(job, restarts=options.restart, asked=asked.as_json())
        try:
            end = run(job, world, heard, detach_when=is_running if options.detach else None)
        except JobFailed as error:
            raise heard.explained(error, engine.explain) from None
    if end.outcome == "detached":
        return detached(job)
    return heard.result(session.cluster, job, request=request, model=model)


def ask_steps(session: Session, options: InferOptions, request: GenerateRequest) -> list[Step]:
    """The steps of :func:`ask`, not run."""
    _check(options)
    facts = planned_facts(session.cluster)
    return job_steps(_job(session, options, request, server="<the running job>", facts=facts))


def _check(options: InferOptions) -> None:
    if options.model is not None:
        raise UsageError(
            "`--model` has no meaning here: the server answers with what it serves. Fix: leave it "
            "out; `clusterkit serve --model …` serves another"
        )


def _running(session: Session, world: World) -> str:
    """The id of the newest server that runs."""
    for row in list_jobs(job_nodes(session), world.transport):
        if row.verb == "serve" and row.is_open:
            return row.id
    raise UsageError(
        f"no server runs on cluster {session.cluster.name}, and engine "
        f"{session.cluster.engine.name} answers from one. Fix: `clusterkit serve` in another "
        "terminal"
    )


def _job(
    session: Session,
    options: InferOptions,
    request: GenerateRequest,
    *,
    server: str,
    facts: Facts,
) -> Job:
    """One rank, where rank 0 of the server is."""
    cluster, settings = session.cluster, _settings(session)
    node = place_stages(cluster, tp=settings.tp, pp=settings.groups).nodes[0]
    placement = Placement((Rank(0, node, 0),))
    folder = job_node(cluster, node, facts[node]).run_folder(server)
    engine = engine_of(settings)
    made = make_job(
        session,
        "infer",
        placement=placement,
        program=lambda python, payloads: engine.program(
            python, payloads, folder, request, placement
        ),
        facts=facts,
        timeout_s=options.timeout_s,
    )
    return replace(made, stall_timeout_s=options.stall_timeout_s)


def _settings(session: Session) -> TritonSettings:
    settings = session.cluster.engine
    assert isinstance(settings, TritonSettings)  # noqa: S101 - is_asked was asked
    return settings

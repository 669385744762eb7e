"""Answer prompts with a model that is split over the ranks of the cluster."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from clusterkit.command import Step
from clusterkit.engines.base import engine_of
from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import JobFailed
from clusterkit.events import Note, Sink
from clusterkit.jobs import prepared
from clusterkit.model.infer_options import InferOptions
from clusterkit.model.load import load_prompts
from clusterkit.model.node_sets import fold
from clusterkit.results.infer import InferResult
from clusterkit.results.jobs import DetachedResult
from clusterkit.use_cases.asked import InferAsked
from clusterkit.use_cases.audit import audited
from clusterkit.use_cases.builder import (
    builder_for,
    model_looks,
    place_everywhere,
    placed_folder,
    placing_steps,
)
from clusterkit.use_cases.built_engine import with_version
from clusterkit.use_cases.by_triton import by_triton, needs_triton
from clusterkit.use_cases.compiled_engine import notes_of
from clusterkit.use_cases.gate import check_now, check_verdict
from clusterkit.use_cases.heard import Heard
from clusterkit.use_cases.infer_job import (
    check_early,
    infer_job,
    known_early,
    nodes_of,
    refuse_early,
    with_family,
    with_options,
)
from clusterkit.use_cases.infer_server import ask, ask_steps, is_asked
from clusterkit.use_cases.infer_warm import answered, warm_server
from clusterkit.use_cases.launch import (
    detached,
    facts_now,
    is_running,
    job_steps,
    known_facts,
    run,
    unless_detached,
)
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world
from clusterkit.use_cases.spares import with_spares


def infer(
    session: Session,
    options: InferOptions,
    request: GenerateRequest,
    *,
    sink: Sink,
) -> InferResult | DetachedResult:
    """Check that the model fits, build it where it is not there, and run it over the nodes.

    Where a server that runs has it loaded, that one answers. A job that is to be detached is left
    alone once every rank runs.

    Raises:
        UsageError: If the cluster is not up, or the request cannot be answered by this model.
        ClusterkitError: If the last gate failed, or the nodes are not fit, unless forced.
        DoesNotFit: With every reason why the split cannot run here, and what could.
        JobFailed: If the job did not come to its end.
    """
    session = with_options(session, options)
    if needs_triton(session, options.engine):
        session = by_triton(session, session.cluster.engine.model)
    if is_asked(session):
        return ask(session.crew, options, request, sink=sink)

    def attempt(session: Session, sink: Sink) -> InferResult | DetachedResult:
        return _attempt(session, options, request, sink=sink)

    return with_spares(session, options.retries, attempt, sink=sink)


def _attempt(
    session: Session, options: InferOptions, request: GenerateRequest, *, sink: Sink
) -> InferResult | DetachedResult:
    """One run on the members, from what they are now to the answers."""
    engine = engine_of(session.cluster.engine)
    heard = Heard(engine.parse, unless_detached(sink, is_detached=options.detach))
    remembered = known_facts(session)  # says so if the cluster is not up
    check_verdict(session, force=options.force)
    known = known_early(session, remembered)
    with (
        open_world(session) as world,
        audited(session, world, "infer", options),
        ExitStack() as stack,
    ):
        with warm_server(session, options, world, sink=sink) as warm:
            if warm is not None:
                return answered(session, warm, options, request, sink=sink)
        waiting = stack.enter_context(prepared(known, world.transport))
        used = nodes_of(session, known)
        looks = model_looks(session, remembered, used)
        facts = facts_now(session, world, remembered, model_looks=looks)
        check_now(session.cluster, facts, force=options.force)
        session = with_version(session, facts)
        for note in notes_of(session.cluster.engine):
            sink(Note(note))
        check_early(session, request, facts)
        refuse_early(session, options, request, facts)
        builder = builder_for(session, world, facts=facts, sink=sink)
        model, copied_to = place_everywhere(session, builder, facts=facts, nodes=used)
        if model.changed:
            sink(Note(f"built {model.name}: it stays in {model.folder}"))
        if copied_to:
            sink(Note(f"copied {model.name} to {fold(copied_to)}: it stays in {model.folder}"))
        session = with_family(session, model)
        engine = engine_of(session.cluster.engine)
        engine.check(request, model.shape, session.cluster, facts)
        job = infer_job(
            session,
            options,
            request,
            folder=model.folder,
            facts=facts,
            job=known.id if known else None,
        )
        heard.start()
        asked = InferAsked.of(session, job, request, model=model.name, before_s=heard.before_s)
        job = replace(job, restarts=options.restart, asked=asked.as_json())
        when = is_running if options.detach else None
        try:
            end = run(job, world, heard, waiting, detach_when=when)
        except JobFailed as error:
            raise heard.explained(error, engine.explain) from None
    if end.outcome == "detached":
        return detached(job)
    return heard.result(session.cluster, job, request=request, model=model.name)


def infer_steps(session: Session, options: InferOptions, request: GenerateRequest) -> list[Step]:
    """The steps of :func:`infer` where nothing is there yet, not run."""
    session = with_options(session.crew, options)
    if needs_triton(session, options.engine):
        session = by_triton(session, session.cluster.engine.model)
    if is_asked(session):
        return ask_steps(session, options, request)
    facts = planned_facts(session.cluster)
    session = with_version(session, facts)
    check_early(session, request, {})
    folder = placed_folder(session, facts)
    job = infer_job(session, options, request, folder=folder, facts=facts)
    built = placing_steps(session, facts, [node.name for node in job.nodes])
    return [*built, *job_steps(job)]


def request_of(options: InferOptions) -> GenerateRequest:
    """What is asked, with the prompts of a file behind those of the options.

    Raises:
        FileMistakes: With every line of the file that is no prompt.
    """
    prompts = options.prompt
    if options.prompts is not None:
        stdin = sys.stdin.read() if options.prompts == Path("-") else ""
        prompts = (*prompts, *load_prompts(options.prompts, stdin=stdin))
    return GenerateRequest(
        prompts=prompts,
        system=options.system,
        raw=options.raw,
        max_tokens=options.max_tokens,
        temperature=options.temperature,
        top_p=options.top_p,
        seed=options.seed,
        logits=options.logits,
    )

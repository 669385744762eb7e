"""Which job answers prompts: with which model and split, on which nodes, and whether it can be."""

from __future__ import annotations

from dataclasses import replace

from clusterkit.engines.base import engine_of
from clusterkit.engines.request import GenerateRequest
from clusterkit.errors import DoesNotFit, UsageError
from clusterkit.jobs import Job, Preparation
from clusterkit.model.infer_options import InferOptions
from clusterkit.model.models import model_source
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import place_stages
from clusterkit.use_cases.built_engine import BuiltEngine
from clusterkit.use_cases.compiled_engine import refuse_nodes
from clusterkit.use_cases.launch import Facts, known_of_job, make_job
from clusterkit.use_cases.model_placing import BuiltModel
from clusterkit.use_cases.session import Session, with_engine


def with_options(session: Session, options: InferOptions) -> Session:
    """The cluster with the model and the split that the options ask for, for this run only.

    Raises:
        UsageError: If its engine cannot be split or started so.
    """
    settings = session.cluster.engine
    sizes = {"tp": options.tp, "pp": options.pp}
    if "dp" in settings.split:
        sizes["dp"] = options.dp
    elif options.dp is not None:
        raise UsageError(
            f"`--dp`: engine {settings.name} has no replicas. Fix: leave it out, or "
            "`engine: {name: torch-tensorrt, …}` in the inventory"
        )
    if options.launcher not in settings.launchers:
        raise UsageError(
            f"`--launcher {options.launcher}`: the ranks of engine {settings.name} find each "
            "other by MPI. Fix: leave it out"
        )
    if any(size is not None for size in sizes.values()):
        # One alone means all ranks of that kind: --tp 3 is not tp=3 times the file's pp.
        sizes = {name: size or 1 for name, size in sizes.items()}
    return with_engine(session, {"model": options.model, **sizes})


def check_early(session: Session, request: GenerateRequest, facts: Facts) -> None:
    """Check all that is known before the model is there: of a built-in one, its shape too.

    Raises:
        DoesNotFit: With one line for each problem.
    """
    engine = session.cluster.engine
    if builtin := model_source(engine.model).builtin:
        engine_of(engine).check(request, builtin.shape, session.cluster, facts)
    else:
        refuse_nodes(session, facts)


def refuse_early(
    session: Session, options: InferOptions, request: GenerateRequest, facts: Facts
) -> None:
    """Refuse what this engine cannot be asked, before it is built, which may take an hour.

    Raises:
        UsageError: With every reason.
    """
    settings = session.cluster.engine
    if isinstance(settings, TensorRtLlmSettings) and settings.family is None:
        return  # the model tells its family, and old versions do not answer alike for all
    try:
        infer_job(session, options, request, folder="", facts=facts)
    except DoesNotFit:
        return  # the engine says so as well, among every other reason


def with_family(session: Session, model: BuiltModel | BuiltEngine) -> Session:
    """The cluster with the family that an engine was built for: old versions run each its way."""
    family = model.build.key.get("family") if isinstance(model, BuiltEngine) else None
    return with_engine(session, {"family": family}) if family else session


def known_early(session: Session, remembered: Facts) -> Preparation | None:
    """The nodes on which the job will run, if they are what the last ``up`` saw."""
    settings = session.cluster.engine
    try:
        placement = place_stages(session.cluster, tp=settings.tp, pp=settings.groups)
    except DoesNotFit:
        return None  # which the engine says as well, among every other reason
    return known_of_job(session, "infer", placement=placement, facts=remembered)


def nodes_of(session: Session, known: Preparation | None) -> list[str]:
    """The nodes that will load the model; all where the job is not known yet."""
    nodes = known.nodes if known else session.cluster.nodes
    return [node.name for node in nodes]


def infer_job(
    session: Session,
    options: InferOptions,
    request: GenerateRequest,
    *,
    folder: str,
    facts: Facts,
    job: str | None = None,
) -> Job:
    """One rank for each part of the model, the stages dealt over the nodes."""
    settings = session.cluster.engine
    engine = engine_of(settings)
    placement = place_stages(session.cluster, tp=settings.tp, pp=settings.groups)
    made = make_job(
        session,
        "infer",
        placement=placement,
        program=lambda python, payloads: engine.program(
            python, payloads, folder, request, placement
        ),
        facts=facts,
        timeout_s=options.timeout_s,
        job=job,
        launched_by=options.launcher,
    )
    return replace(made, stall_timeout_s=options.stall_timeout_s)

"""Build the engine of a cluster on its head, once, and bring every node its part of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clusterkit.checks.model_input import ModelLook, model_problems
from clusterkit.command import Step
from clusterkit.engines.base import engine_of
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.tensorrt_llm.planner import check_build
from clusterkit.engines.tensorrt_llm.versions import parse_version
from clusterkit.errors import ClusterkitError, DoesNotFit, UsageError
from clusterkit.events import Note
from clusterkit.facts import ModelFolder
from clusterkit.model.engine import EngineSettings
from clusterkit.model.models import ModelShape
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import place_stages
from clusterkit.use_cases.built_engine import BuiltEngine, with_version
from clusterkit.use_cases.engine_commands import (
    BuildPaths,
    another_build,
    first_build_steps,
    order_of,
)
from clusterkit.use_cases.engine_looking import look_at_model, read_model
from clusterkit.use_cases.engine_pushing import push_engine, push_steps
from clusterkit.use_cases.engine_running import run_build
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.model_placing import Builder, digest_of, look_at_files
from clusterkit.use_cases.session import Session


def place_engine(
    session: Session, builder: Builder, *, facts: Facts, verify: bool = False
) -> tuple[BuiltEngine, tuple[str, ...]]:
    """The engine on the storage of its nodes, and those to which something was copied.

    Raises:
        NodesFailed: With every node that did not get its files; all others have them.
        ClusterkitError: As :func:`build_engine`.
    """
    engine = build_engine(session, builder, facts=facts, verify=verify)
    if session.cluster.storage.kind != "sync":
        return engine, ()
    settings = session.cluster.engine
    placement = place_stages(session.cluster, tp=settings.tp, pp=settings.pp)
    copied_to = push_engine(session, builder, engine, placement, facts, verify=verify)
    return engine, copied_to


def build_engine(
    session: Session, builder: Builder, *, facts: Facts, verify: bool = False
) -> BuiltEngine:
    """Look whether the engine is there and whole; if not, build it on the head.

    Raises:
        UsageError: If its model is not there or cannot be built, with every reason.
        DoesNotFit: If the engine would not run here, with every reason.
        ClusterkitError: If a program of the build failed, with the last that it wrote.
    """
    cluster, head = session.cluster, session.cluster.head.name
    tokenizer = tokenizer_of(cluster.engine)
    look = look_at_model(cluster, builder.look, builder.python, tokenizer=tokenizer)
    build = build_of(session, facts, look)
    if not look.is_read:
        _checked(session, facts, look, build)  # what is refused need not be read first
        look = read_model(cluster, builder, tokenizer=tokenizer)
        build = build_of(session, facts, look)
    paths = BuildPaths.of(cluster, build)
    manifest = look_at_files(builder, head, paths.target, verify=verify)
    if manifest is not None:
        if other := another_build(manifest, build):
            name = paths.target.rpartition("/")[2]
            raise ClusterkitError(
                f"{head}: {paths.target} is of another build than its name says: {other}. "
                f"Fix: `clusterkit engines rm {name}`, then `clusterkit build`"
            )
        return _built(manifest, build, paths, changed=False)
    for warning in _checked(session, facts, look, build):
        builder.sink(Note(warning))
    engine = _described(session, facts, look, build)
    order = order_of(build, paths, shape=look.shape or {}, engine=engine, verify=verify)
    changed = run_build(cluster, builder, build, paths, order, engine_of(cluster.engine).explain)
    manifest = look_at_files(builder, head, paths.target, verify=False)
    if manifest is None:
        raise ClusterkitError(
            f"{head}: {paths.target} was built, and is not whole there. Fix: see that nothing "
            "else writes or removes files there, and run `clusterkit build` again"
        )
    return _built(manifest, build, paths, changed=changed)


def build_of(session: Session, facts: Facts, look: ModelLook) -> EngineBuild:
    """How the engine is built from the model that was looked at.

    Raises:
        UsageError: With everything that is wrong with the model.
    """
    head = session.cluster.head.name
    wrong = model_problems(head, look)
    build = None
    if look.model is not None:
        try:
            build = planned_build(session, facts, look.model)
        except DoesNotFit:
            raise
        except UsageError as error:
            wrong += str(error).splitlines()
    if wrong or build is None:
        raise UsageError("\n".join(wrong))
    return build


def planned_build(session: Session, facts: Facts, model: ModelFolder | None) -> EngineBuild:
    """How the engine is built on the head; ``model`` None: nobody has looked.

    Raises:
        UsageError: If the installed version cannot build such an engine.
        DoesNotFit: If there are more ranks than slots.
    """
    cluster, head = session.cluster, session.cluster.head.name
    settings = cluster.engine
    placement = place_stages(cluster, tp=settings.tp, pp=settings.pp)
    build = engine_of(settings).build(head, facts[head], model, placement)
    if build is None:
        raise UsageError(f"engine {settings.name} is not built. Fix: leave it to `infer`")
    return build


def engine_steps(session: Session, facts: Facts) -> tuple[Step, ...]:
    """The steps of a first build, not run."""
    session = with_version(session, facts)
    cluster, settings = session.cluster, session.cluster.engine
    build = planned_build(session, facts, None)
    steps = first_build_steps(
        cluster,
        build,
        python=facts[cluster.head.name].python,
        model=settings.model,
        tokenizer=tokenizer_of(settings),
    )
    if cluster.storage.kind != "sync":
        return steps
    used = place_stages(cluster, tp=settings.tp, pp=settings.pp).nodes
    others = [name for name in used if name != cluster.head.name]
    return (
        *steps,
        *push_steps(cluster, facts, folder=planned_folder(session, facts), nodes=others),
    )


def planned_folder(session: Session, facts: Facts) -> str:
    """Where the engine will lie; its digest is known when the model was looked at."""
    build = planned_build(with_version(session, facts), facts, None)
    return BuildPaths.of(session.cluster, build, is_known=False).target


def tokenizer_of(settings: EngineSettings) -> str:
    """The folder of the tokenizer, a path on the head."""
    own = settings.tokenizer if isinstance(settings, TensorRtLlmSettings) else None
    return own or settings.model


def _checked(
    session: Session, facts: Facts, look: ModelLook, build: EngineBuild
) -> tuple[str, ...]:
    """What to warn of before it is built; raises DoesNotFit for what cannot run here."""
    settings = session.cluster.engine
    if not isinstance(settings, TensorRtLlmSettings) or look.model is None:
        return ()
    version = parse_version(str(settings.version))
    return check_build(settings, version, session.cluster, facts, look.model, build)


def _described(
    session: Session, facts: Facts, look: ModelLook, build: EngineBuild
) -> dict[str, Any]:
    """What the manifest tells of the engine besides its key and files."""
    settings, node = session.cluster.engine, facts[session.cluster.head.name]
    gpu = node.gpus[0] if node.gpus else None
    return {
        "engine": settings.name,
        "version": node.packages.get("tensorrt_llm"),
        "packages": dict(node.packages),
        "family": build.key.get("family"),
        "tp": settings.tp,
        "pp": settings.pp,
        "gpu": gpu.name if gpu else None,
        "compute_capability": gpu.compute_capability if gpu else None,
        "model": {"folder": settings.model, "digest": look.model.digest if look.model else None},
    }


def _built(
    manifest: Mapping[str, Any], build: EngineBuild, paths: BuildPaths, *, changed: bool
) -> BuiltEngine:
    files = manifest["files"]
    return BuiltEngine(
        name=manifest["name"],
        folder=paths.target,
        shape=ModelShape.of(manifest["shape"]),
        digest=digest_of(files),
        size_bytes=sum(file["size"] for file in files.values()),
        changed=changed,
        manifest=manifest,
        build=build,
        log=paths.log,
    )

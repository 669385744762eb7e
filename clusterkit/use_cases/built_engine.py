"""Engines that are built before they run: which those are, and what comes of a build."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.engines.base import engine_of
from clusterkit.engines.engine_build import EngineBuild
from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.model.models import ModelShape
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.model.triton import TritonSettings
from clusterkit.placement import place
from clusterkit.use_cases.compiled_engine import with_installed_version
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.session import Session, with_engine


@dataclass(frozen=True, slots=True)
class BuiltEngine:
    """An engine on the head's storage, whole. ``changed`` is False if it was there already.

    ``log`` is the file on the head that has what its build wrote.
    """

    name: str
    folder: str
    shape: ModelShape
    digest: str
    size_bytes: int
    changed: bool
    manifest: Mapping[str, Any]
    build: EngineBuild
    log: str


def is_built(session: Session, facts: Facts) -> bool:
    """Whether the cluster's engine is built before it runs; others run the model itself."""
    head = session.cluster.head.name
    one = place(session.cluster, 1)
    try:
        build = engine_of(session.cluster.engine).build(head, facts[head], None, one)
    except ClusterkitError:  # it is told where the engine is asked in earnest
        return True
    return build is not None


def refuse_served(session: Session) -> None:
    """Raise UsageError for an engine of which nothing is ever built, before it is looked for."""
    if isinstance(session.cluster.engine, TritonSettings):
        from clusterkit.engines.triton import NOTHING_TO_BUILD

        raise UsageError(NOTHING_TO_BUILD)


def with_version(session: Session, facts: Facts) -> Session:
    """The cluster with the version of its engine that the head has.

    Raises:
        UsageError: If the inventory says another, or nobody says any.
    """
    settings = session.cluster.engine
    if not isinstance(settings, TensorRtLlmSettings):
        return with_installed_version(session, facts)
    from clusterkit.engines.tensorrt_llm.versions import version_on

    head = session.cluster.head.name
    return with_engine(session, {"version": str(version_on(settings, head, facts[head]))})

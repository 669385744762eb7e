"""The cluster as Triton sees it, where the inventory names the engine that Triton serves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from clusterkit.errors import UsageError
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.model.triton import TritonSettings
from clusterkit.use_cases.session import Session


def needs_triton(session: Session, engine: str | None) -> bool:
    """Whether ``--engine triton`` asks for another engine than the inventory names.

    Raises:
        UsageError: If Triton cannot serve what the inventory names.
    """
    settings = session.cluster.engine
    if engine is None or isinstance(settings, TritonSettings):
        return False
    if isinstance(settings, TensorRtLlmSettings):
        return True
    raise UsageError(
        f"`--engine triton` serves what engine tensorrt-llm built, and cluster "
        f"{session.cluster.name} has engine {settings.name}. Fix: `engine: {{name: triton, …}}` "
        "or `engine: {name: tensorrt-llm, …}` in the inventory"
    )


def by_triton(session: Session, folder: str) -> Session:
    """The engine in ``folder`` behind Triton, with its own split, batch, version and tokenizer."""
    built = session.cluster.engine
    shared: dict[str, Any] = {"tp": built.tp, "pp": built.pp}
    if isinstance(built, TensorRtLlmSettings):
        shared |= {"version": built.version, "max_batch_size": built.max_batch_size}
    plain = TritonSettings.model_validate({"name": "triton", "model": "/", **shared})
    settings = plain.model_copy(update={"model": folder})  # in a dry run it is no path yet
    return replace(session, cluster=replace(session.cluster, engine=settings))

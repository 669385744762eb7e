"""Whether an engine that lies there is one for this cluster, by what its manifest says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.fits import gpus_of
from clusterkit.engines.tensorrt_llm.versions import parse_version
from clusterkit.facts import NodeFacts
from clusterkit.model.node_sets import fold
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement

_REBUILD = "run `clusterkit build`"


def engine_problems(
    name: str,
    engine: Mapping[str, Any],
    settings: TensorRtLlmSettings,
    version: Version,
    placement: Placement,
    facts: Mapping[str, NodeFacts],
) -> list[str]:
    """Everything that the ``engine`` section of a manifest says against running it here."""
    return [
        *_split(name, engine, settings),
        *_version(name, engine, version),
        *_gpus(name, engine, placement, facts),
    ]


def missing_files(name: str, missing: Mapping[str, Sequence[str]]) -> list[str]:
    """What to say of nodes that lack files of their ranks, node by node."""
    return [
        f"{node}: {name} lacks {_few(files)}, which its ranks load. Fix: run `clusterkit engines "
        "push`, or the verb again: it brings what is missing"
        for node, files in missing.items()
        if files
    ]


def _split(name: str, engine: Mapping[str, Any], settings: TensorRtLlmSettings) -> Iterator[str]:
    tp, pp = engine.get("tp"), engine.get("pp")
    if tp and pp and (tp, pp) != (settings.tp, settings.pp):
        yield (
            f"{name} was built for tp {tp} and pp {pp}, {tp * pp} ranks; tp {settings.tp} and pp "
            f"{settings.pp} are asked. Fix: `tp: {tp}` and `pp: {pp}`, or {_REBUILD}"
        )


def _version(name: str, engine: Mapping[str, Any], version: Version) -> Iterator[str]:
    built = engine.get("version")
    if built and parse_version(built) != version:
        yield (
            f"{name} was built by TensorRT-LLM {built}, and {version} is installed: an engine "
            f"runs on the version that built it. Fix: {_REBUILD}, or install {built}"
        )


def _gpus(
    name: str,
    engine: Mapping[str, Any],
    placement: Placement,
    facts: Mapping[str, NodeFacts],
) -> Iterator[str]:
    built = engine.get("compute_capability")
    others: dict[str, list[str]] = {}
    for node in placement.nodes:
        for gpu in gpus_of(placement, node, facts)[:1]:
            if built and gpu.compute_capability and gpu.compute_capability != built:
                others.setdefault(f"{gpu.name} ({gpu.compute_capability})", []).append(node)
    for gpu_name, nodes in others.items():
        yield (
            f"{name} was built on {engine.get('gpu')} ({built}), and {fold(nodes)} has "
            f"{gpu_name}: an engine runs on the architecture that it was built on. Fix: "
            f"{_REBUILD} there, or nodes with {engine.get('gpu')}"
        )


def _few(files: Sequence[str]) -> str:
    return ", ".join(files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")

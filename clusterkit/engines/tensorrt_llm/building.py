"""From settings, version and model to the programs that build an engine."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from packaging.version import Version

from clusterkit.engines.engine_build import EngineBuild
from clusterkit.engines.tensorrt_llm import build_py, trtllm_build
from clusterkit.engines.tensorrt_llm.abilities import refusals, require_engines
from clusterkit.engines.tensorrt_llm.checkpoint import checkpoint_program
from clusterkit.engines.tensorrt_llm.families import uses_build_py
from clusterkit.engines.tensorrt_llm.programs import Program
from clusterkit.engines.tensorrt_llm.sizes import engine_bytes, work_bytes
from clusterkit.engines.tensorrt_llm.wanted import Wanted, wanted_engine
from clusterkit.errors import UsageError
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement

_TIMING_CACHE = "model.cache"


def engine_build(
    settings: TensorRtLlmSettings,
    version: Version,
    placement: Placement,
    facts: NodeFacts,
    model: ModelFolder | None,
) -> EngineBuild:
    """How the engine is built on the node of ``facts``; ``model`` None: as in a dry run.

    It is built there for all ranks, and never under mpirun: a rank of trtllm-build that finds
    other ranks builds its own part alone.

    Raises:
        UsageError: If this version cannot build such an engine, with every reason.
    """
    require_engines(settings, version)
    wanted = wanted_engine(settings, version, placement, facts, model)
    programs = _programs(wanted)
    problems = refusals(wanted)
    problems += [problem for program in programs for problem in program.problems(wanted)]
    problems += _unused(wanted, programs)
    if problems:
        raise UsageError("\n".join(problems))
    return EngineBuild(
        name=_name(wanted),
        key=_key(wanted, programs, facts, model),
        stages=tuple(program.stage(wanted) for program in programs),
        rank_files=_rank_files(wanted),
        other_files=(_TIMING_CACHE,),
        tokenizer=settings.tokenizer or settings.model,
        size_bytes=engine_bytes(wanted, model),
        work_bytes=work_bytes(wanted, model),
    )


def _programs(wanted: Wanted) -> tuple[Program, ...]:
    if uses_build_py(wanted.family, wanted.version):
        return build_py.build_py_programs(wanted)
    return (checkpoint_program(wanted), trtllm_build.trtllm_build_program(wanted))


def _rank_files(wanted: Wanted) -> tuple[tuple[str, ...], ...]:
    if uses_build_py(wanted.family, wanted.version):
        return build_py.engine_names(wanted)
    return trtllm_build.engine_names(wanted)


def _unused(wanted: Wanted, programs: tuple[Program, ...]) -> list[str]:
    """Settings that no program of this build would follow."""
    settings = wanted.settings
    problems: list[str] = []
    if settings.convert_flags and all(one.takes != "convert_flags" for one in programs):
        problems.append(
            f"engine.convert_flags: TensorRT-LLM {wanted.version} converts nothing here; build.py "
            "reads the model itself. Fix: move them to engine.build_flags, or leave them out"
        )
    reads_weights = wanted.is_calibrated and uses_build_py(wanted.family, wanted.version)
    if settings.quantized_weights and not reads_weights:
        problems.append(
            "engine.quantized_weights: only build.py (up to 0.7; qwen up to 0.8) reads such a "
            "file, with fp8 or int4-awq. Fix: leave it out"
        )
    return problems


def _name(wanted: Wanted) -> str:
    """``llama-70b-fp8-tp1-pp2``: for people; the key tells engines apart."""
    settings = wanted.settings
    model = re.sub(r"[^A-Za-z0-9._-]+", "-", posixpath.basename(settings.model)).strip("-.")
    family = "" if wanted.family in model.lower() else f"{wanted.family}-"
    kind = wanted.dtype if settings.quantization == "none" else settings.quantization
    return f"{family}{model or 'model'}-{kind}-tp{settings.tp}-pp{settings.pp}"


def _key(
    wanted: Wanted, programs: tuple[Program, ...], facts: NodeFacts, model: ModelFolder | None
) -> dict[str, Any]:
    """Whatever would make another engine of it."""
    settings = wanted.settings
    return {
        "engine": settings.name,
        "version": str(wanted.version),
        "tensorrt": facts.packages.get("tensorrt"),
        "gpu": sorted({gpu.compute_capability or gpu.name for gpu in facts.gpus}),
        "family": wanted.family,
        "model": settings.model if model is None else model.digest,
        "tokenizer": settings.tokenizer,
        "dtype": wanted.dtype,
        "quantization": settings.quantization,
        "tp": settings.tp,
        "pp": settings.pp,
        "stages": [program.identity(wanted) for program in programs],
    }

"""trtllm-serve under its launcher, on all ranks: words, and what each version cannot do."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from clusterkit.engines.rank_input import input_file
from clusterkit.engines.serving import Doors, Listening
from clusterkit.engines.tensorrt_llm.flags import Flag, check_flags, flag, settings_of, words_of
from clusterkit.engines.tensorrt_llm.gpus_per_node import gpus_per_node, is_pytorch
from clusterkit.engines.tensorrt_llm.versions import (
    BACKEND_IS_CHOSEN,
    LAST_WITH_ENGINES,
    SERVE,
    has_engines,
)
from clusterkit.engines.versions import since
from clusterkit.model.job import RankProgram
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement

LAUNCHER = "trtllm-llmapi-launch"
"""Rank 0 runs the command behind it, and the other ranks work for that."""

SERVER = "trtllm-serve"
SERVED_ENGINE = "engine"
"""What the engine's folder is called in the job's, on every node: rank 0 tells all its path."""

_HAS_PROMETHEUS = (1, 1)
_QUOTES_WORDS = Version("1.3.0rc3")
_ENV = {"TOKENIZERS_PARALLELISM": "false"}


def doors(version: Version) -> Doors:
    """Before 1.1 its /metrics are JSON for its own tools; they stay beside those of Prometheus."""
    is_new = since(version, _HAS_PROMETHEUS)
    return Doors("/health", "/prometheus/metrics" if is_new else "/metrics")


def has_own_views(settings: TensorRtLlmSettings, version: Version, placement: Placement) -> bool:
    """Whether each node needs a config.json of its own, because the engine does not tell it."""
    if is_pytorch(settings, version):
        return False
    fix = gpus_per_node(settings, version, placement)
    return fix.at_run == "config" and fix.build_flag is None


def serve_refusals(settings: TensorRtLlmSettings, version: Version) -> Iterator[str]:
    """Why this version cannot serve it, each with a fix."""
    if not since(version, SERVE):
        yield (
            f"engine.version: TensorRT-LLM {version} has no {SERVER}; 0.15 was the first. "
            "Fix: `clusterkit infer`, or 0.15 or newer"
        )
        return
    if settings.backend == "tensorrt" and not has_engines(version):
        yield (
            f"engine.backend: TensorRT-LLM {version} runs no engines any more; "
            f"{LAST_WITH_ENGINES} was the last. Fix: leave engine.backend out, and PyTorch serves "
            "the model itself"
        )
    if settings.backend == "pytorch" and not since(version, BACKEND_IS_CHOSEN):
        yield (
            f"engine.backend: with TensorRT-LLM {version} clusterkit serves engines; PyTorch is "
            "supported from 1.0 on. Fix: leave engine.backend out"
        )
    if is_pytorch(settings, version) and settings.quantization != "none":
        yield (
            "engine.quantization: PyTorch serves the model's own numbers. Fix: a model that is "
            "quantized already, and no engine.quantization"
        )
    ours = settings_of(_flags(settings, version, Listening("localhost", 8000, "localhost")))
    yield from (
        f"engine.serve_flags: {problem}"
        for problem in check_flags(SERVER, version, settings.serve_flags, ours=ours)
    )
    if version < _QUOTES_WORDS:  # the launcher's shell takes such a word apart
        for word in (settings.model, *settings.serve_flags):
            if any(letter.isspace() for letter in word):
                yield (
                    f"`{word}`: {LAUNCHER} of TensorRT-LLM {version} splits words at spaces. "
                    "Fix: a path without"
                )


def serve_words(
    settings: TensorRtLlmSettings, version: Version, model_folder: str, listening: Listening
) -> tuple[str, ...]:
    """The vendor's command, as every rank starts it."""
    model, tokenizer = model_folder, settings.tokenizer
    if not is_pytorch(settings, version):
        tokenizer = f"{model_folder}/tokenizer"
    named = (flag("--tokenizer", tokenizer, setting="engine.tokenizer"),) if tokenizer else ()
    flags = (*named, *_flags(settings, version, listening))
    return (LAUNCHER, SERVER, model, *words_of(flags, settings.serve_flags))


def serve_program(
    settings: TensorRtLlmSettings,
    version: Version,
    placement: Placement,
    *,
    python: str,
    payload_folder: str,
    model_folder: str,
    listening: Listening,
) -> RankProgram:
    """What every rank runs: the vendor's words behind the payload that watches over them."""
    fix = gpus_per_node(settings, version, placement)
    content = {
        "url": listening.own_url,
        "folder": model_folder,
        "folder_here": SERVED_ENGINE if has_own_views(settings, version, placement) else None,
    }
    words = serve_words(settings, version, model_folder, listening)
    return RankProgram(
        argv=(python, payload_folder, "trtllm_serve", *words),
        env={**_ENV, **fix.rank_env},
        files=input_file(content),
    )


def _flags(
    settings: TensorRtLlmSettings, version: Version, listening: Listening
) -> tuple[Flag, ...]:
    """What clusterkit decides; an engine has its lengths and its batch from its build."""
    of_pytorch = is_pytorch(settings, version)
    has_backend = since(version, BACKEND_IS_CHOSEN)
    backend = "pytorch" if of_pytorch else "tensorrt"
    longest = settings.max_input_len + settings.max_output_len
    return (
        *([flag("--backend", backend, setting="engine.backend")] if has_backend else []),
        flag("--host", listening.host, setting="`--host` of clusterkit serve"),
        flag("--port", listening.port, setting="`--port` of clusterkit serve"),
        flag("--tp_size", settings.tp, setting="engine.tp"),
        flag("--pp_size", settings.pp, setting="engine.pp"),
        *([flag("--max_batch_size", settings.max_batch_size)] if of_pytorch else []),
        *([flag("--max_seq_len", longest)] if of_pytorch else []),
    )

"""What every rank runs to answer prompts: run.py of the examples, in its version's words."""

from __future__ import annotations

from packaging.version import Version

from clusterkit.engines.rank_input import input_file
from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.tensorrt_llm.abilities import require_engines
from clusterkit.engines.tensorrt_llm.gpus_per_node import gpus_per_node
from clusterkit.engines.tensorrt_llm.run_py import RunPy, refusals, run_py, words
from clusterkit.errors import UsageError
from clusterkit.model.job import RankProgram
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement

_QUIET = {"TLLM_LOG_LEVEL": "ERROR", "TOKENIZERS_PARALLELISM": "false"}
"""The log goes to stdout, as the answers do; and a tokenizer that has forked can hang MPI."""


def run_program(
    settings: TensorRtLlmSettings,
    version: Version,
    placement: Placement,
    request: GenerateRequest,
    *,
    python: str,
    payload_folder: str,
    engine_folder: str,
) -> RankProgram:
    """The program of every rank; the tokenizer lies in the engine's folder, as ``tokenizer/``.

    Raises:
        UsageError: If this version cannot do what the request asks, with every reason.
    """
    require_engines(settings, version)
    run = run_py(settings, version)
    if isinstance(run, str):
        raise UsageError(run)
    if problems := list(refusals(run, settings, version, request)):
        raise UsageError("\n".join(problems))
    fix = gpus_per_node(settings, version, placement)
    tokenizer = f"{engine_folder}/tokenizer"
    argv = (
        python,
        payload_folder,
        "trtllm_run",
        f"{settings.examples}/{run.path}",
        *words(run, settings, request, engine_folder=engine_folder, tokenizer_folder=tokenizer),
        *settings.run_flags,
    )
    content = {
        "tensorrt_llm": str(version),
        "output": run.output,
        "prompts": list(request.prompts),
        "tokenizer": tokenizer,
        "tokenizer_link": run.tokenizer_link,
        "greedy_by_config": run.samples == "config",
        "draw_seed": _must_draw(run, request),
    }
    return RankProgram(
        argv=argv,
        env={**_QUIET, **fix.rank_env},
        files=input_file(content),
    )


def _must_draw(run: RunPy, request: GenerateRequest) -> bool:
    """Whether the ranks agree on a seed: run.py's own is the same every time."""
    return run.has_seed and request.temperature > 0 and request.seed is None

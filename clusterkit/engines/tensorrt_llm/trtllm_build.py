"""From 0.8 on: trtllm-build makes the engine of every rank from a checkpoint."""

from __future__ import annotations

from clusterkit.engines.engine_build import CHECKPOINT, WORK
from clusterkit.engines.tensorrt_llm import versions
from clusterkit.engines.tensorrt_llm.flags import Flag, flag, has_flag
from clusterkit.engines.tensorrt_llm.programs import Program
from clusterkit.engines.tensorrt_llm.wanted import Wanted
from clusterkit.engines.versions import since

_MAX_NUM_TOKENS = 8192
"""The default of --max_num_tokens, from 0.11 on (its own parser)."""
_NEVER = (
    ("--tp_size", "engine.tp"),
    ("--pp_size", "engine.pp"),
    ("--max_output_len", "engine.max_output_len"),
    ("--max_seq_len", "engine.max_input_len and engine.max_output_len"),
    ("--model_config", "engine.model"),
    ("--build_config", "the other settings and flags"),
    ("--dry_run", "clusterkit build --dry-run"),
)


def trtllm_build_program(wanted: Wanted) -> Program:
    """The program itself; its flags differ from version to version."""
    return Program("build", "trtllm-build", _flags(wanted), "build_flags", _NEVER)


def engine_names(wanted: Wanted) -> tuple[tuple[str, ...], ...]:
    """The files of each rank: ``rank0.engine``, and weights beside it where they are managed."""
    managed = since(wanted.version, versions.FAST_BUILD) and has_flag(
        wanted.settings.build_flags, "--fast_build"
    )
    kinds = (".engine", "_managed_weights.safetensors") if managed else (".engine",)
    ranks = range(wanted.settings.world_size)
    return tuple(tuple(f"rank{rank}{kind}" for kind in kinds) for rank in ranks)


def _flags(wanted: Wanted) -> tuple[Flag, ...]:
    settings = wanted.settings
    return (
        flag("--checkpoint_dir", CHECKPOINT, setting="engine.model"),
        flag("--output_dir", WORK, setting="storage.path"),
        *_plugins(wanted),
        flag("--max_batch_size", settings.max_batch_size, setting="engine.max_batch_size"),
        flag("--max_input_len", settings.max_input_len, setting="engine.max_input_len"),
        *_longest(wanted),
        *_strongly_typed(wanted),
        *_all_reduce(wanted),
        *_gpus_per_node(wanted),
        *_timing_cache(wanted),
        flag("--workers", wanted.workers, setting="engine.workers"),
    )


def _plugins(wanted: Wanted) -> tuple[Flag, ...]:
    gemm = flag("--gemm_plugin", wanted.dtype)
    if since(wanted.version, versions.PLUGINS_FOLLOW_THE_DTYPE):
        return (gemm,)
    return (flag("--gpt_attention_plugin", wanted.dtype), gemm)


def _longest(wanted: Wanted) -> tuple[Flag, ...]:
    settings, setting = wanted.settings, "engine.max_output_len"
    if not since(wanted.version, versions.MAX_SEQ_LEN):
        return (flag("--max_output_len", settings.max_output_len, setting=setting),)
    longest = settings.max_input_len + settings.max_output_len
    sequence = flag("--max_seq_len", longest, setting=setting)
    if settings.max_input_len > _MAX_NUM_TOKENS:  # no prompt may have more tokens than a batch
        return (sequence, flag("--max_num_tokens", settings.max_input_len))
    return (sequence,)


def _strongly_typed(wanted: Wanted) -> tuple[Flag, ...]:
    """As the README of llama has it for fp8: TensorRT keeps to the types of the checkpoint."""
    is_fp8 = wanted.settings.quantization == "fp8"
    if not is_fp8 or since(wanted.version, versions.STRONGLY_TYPED_GONE):
        return ()
    return (flag("--strongly_typed"),)


def _all_reduce(wanted: Wanted) -> tuple[Flag, ...]:
    """Up to 0.11 the custom kernels are on, and open memory of GPUs on other nodes: they fail."""
    if since(wanted.version, versions.CUSTOM_ALL_REDUCE_IS_CHOSEN) or not wanted.crosses_nodes:
        return ()
    return (flag("--use_custom_all_reduce", "disable"),)


def _gpus_per_node(wanted: Wanted) -> tuple[Flag, ...]:
    number, setting = wanted.gpus_per_node, "engine.gpus_per_node"
    return () if number is None else (flag("--gpus_per_node", number, setting=setting),)


def _timing_cache(wanted: Wanted) -> tuple[Flag, ...]:
    """Otherwise it is written to wherever the program was started."""
    if not since(wanted.version, versions.OUTPUT_TIMING_CACHE):
        return ()
    return (flag("--output_timing_cache", f"{WORK}/model.cache"),)

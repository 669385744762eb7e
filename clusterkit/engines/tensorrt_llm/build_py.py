"""Engines up to 0.7, and of GPT and Qwen in 0.8.0: build.py of each model builds all ranks."""

from __future__ import annotations

from clusterkit.engines.engine_build import CHECKPOINT, WORK
from clusterkit.engines.tensorrt_llm.families import (
    CHATGLM,
    FIRST_CHATGLM,
    is_first_chatglm,
    program_name,
)
from clusterkit.engines.tensorrt_llm.flags import Flag, flag, has_flag
from clusterkit.engines.tensorrt_llm.programs import Program
from clusterkit.engines.tensorrt_llm.wanted import CALIBRATION_PROMPTS, Wanted

_QUANTIZED = f"{CHECKPOINT}/llama_tp1_rank0.npz"
"""What examples/llama/quantize.py writes, for every split (its README)."""


def build_py_programs(wanted: Wanted) -> tuple[Program, ...]:
    """What prepares the weights, where that is needed, and build.py."""
    build = Program("build", wanted.program("build.py"), _build_flags(wanted), "build_flags")
    if wanted.family == "gpt2":
        return (_gpt_weights(wanted), build)
    return (_quantize(wanted), build) if _is_calibrated_here(wanted) else (build,)


def engine_names(wanted: Wanted) -> tuple[tuple[str, ...], ...]:
    """The files of each rank: ``llama_float16_tp2_rank0.engine``."""
    settings = wanted.settings
    split = f"tp{settings.tp}" if settings.pp == 1 else f"tp{settings.tp}_pp{settings.pp}"
    ranks = range(settings.world_size)
    name = _model_name(wanted)
    return tuple((f"{name}_{wanted.dtype}_{split}_rank{rank}.engine",) for rank in ranks)


def _model_name(wanted: Wanted) -> str:
    if wanted.family not in CHATGLM:
        return program_name(wanted.family)
    return FIRST_CHATGLM if _is_first_chatglm(wanted) else wanted.chatglm_name


def _build_flags(wanted: Wanted) -> tuple[Flag, ...]:
    settings = wanted.settings
    return (
        *_model(wanted),
        flag("--dtype", wanted.dtype, setting="engine.dtype"),
        *_split(wanted),
        flag("--max_batch_size", settings.max_batch_size, setting="engine.max_batch_size"),
        flag("--max_input_len", settings.max_input_len, setting="engine.max_input_len"),
        flag("--max_output_len", settings.max_output_len, setting="engine.max_output_len"),
        *_plugins(wanted),
        *_quantization(wanted),
        *_in_parallel(wanted),
        flag("--output_dir", WORK, setting="storage.path"),
    )


def _model(wanted: Wanted) -> tuple[Flag, ...]:
    """GPT reads weights in FasterTransformer's form, Qwen calls its folder otherwise."""
    folder, setting = wanted.settings.model, "engine.model"
    if wanted.family == "gpt2":
        return (flag("--model_dir", f"{CHECKPOINT}/{wanted.settings.tp}-gpu", setting=setting),)
    if wanted.family == "qwen":
        return (flag("--hf_model_dir", folder, setting=setting),)
    if wanted.family in CHATGLM and not _is_first_chatglm(wanted):
        name = flag("--model_name", wanted.chatglm_name, setting="engine.family")
        return (name, flag("--model_dir", folder, setting=setting))
    return (flag("--model_dir", folder, setting=setting),)


def _split(wanted: Wanted) -> tuple[Flag, ...]:
    """Every build.py asserts world_size == tp_size * pp_size; two have world_size alone."""
    settings = wanted.settings
    world = flag("--world_size", settings.world_size, setting="engine.tp and engine.pp")
    if wanted.family == "gpt2" or _is_first_chatglm(wanted):
        return (world,)
    tp = flag("--tp_size", settings.tp, setting="engine.tp")
    return (world, tp, flag("--pp_size", settings.pp, setting="engine.pp"))


def _plugins(wanted: Wanted) -> tuple[Flag, ...]:
    """As the READMEs have them; fused attention is for half precision alone."""
    plugins = [
        flag("--use_gpt_attention_plugin", wanted.dtype),
        flag("--use_gemm_plugin", wanted.dtype),
    ]
    if not _is_first_chatglm(wanted):
        plugins.append(flag("--remove_input_padding"))
    if wanted.dtype != "float32":
        plugins.append(flag("--enable_context_fmha"))
    return tuple(plugins)


def _quantization(wanted: Wanted) -> tuple[Flag, ...]:
    settings, setting = wanted.settings, "engine.quantization"
    match settings.quantization:
        case "int8":
            return (
                flag("--use_weight_only", setting=setting),
                flag("--weight_only_precision", "int8", setting=setting),
            )
        case "int4-awq":
            file = settings.quantized_weights or _QUANTIZED
            return (
                flag("--use_weight_only", setting=setting),
                flag("--weight_only_precision", "int4_awq", setting=setting),
                flag("--per_group", setting=setting),
                flag("--quant_ckpt_path", file, setting="engine.quantized_weights"),
            )
        case "fp8" if not _is_uncalibrated(wanted):
            file = settings.quantized_weights or _QUANTIZED
            return (
                flag("--enable_fp8", setting=setting),
                flag("--fp8_kv_cache", setting=setting),
                flag("--quantized_fp8_model_path", file, setting="engine.quantized_weights"),
                flag("--strongly_typed"),
            )
        case _:
            return ()


def _in_parallel(wanted: Wanted) -> tuple[Flag, ...]:
    """One process for each rank, each on a GPU of its own; fewer GPUs than ranks: one by one."""
    world = wanted.settings.world_size
    return (flag("--parallel_build"),) if 1 < world <= wanted.workers else ()


def _gpt_weights(wanted: Wanted) -> Program:
    flags = (
        flag("-i", wanted.settings.model, setting="engine.model"),
        flag("-o", CHECKPOINT, setting="storage.path"),
        flag("--tensor-parallelism", wanted.settings.tp, setting="engine.tp"),
        flag("--storage-type", wanted.dtype, setting="engine.dtype"),
    )
    return Program("convert", wanted.program("hf_gpt_convert.py"), flags, "convert_flags")


def _quantize(wanted: Wanted) -> Program:
    quantization, setting = wanted.settings.quantization, "engine.quantization"
    flags = (
        flag("--model_dir", wanted.settings.model, setting="engine.model"),
        flag("--dtype", wanted.dtype, setting="engine.dtype"),
        flag("--qformat", quantization.replace("-", "_"), setting=setting),
        flag("--export_path", CHECKPOINT, setting="storage.path"),
        flag("--calib_size", CALIBRATION_PROMPTS[quantization]),
    )
    return Program("quantize", wanted.program("quantize.py"), flags, "convert_flags")


def _is_calibrated_here(wanted: Wanted) -> bool:
    settings = wanted.settings
    is_asked = wanted.is_calibrated and not _is_uncalibrated(wanted)
    return wanted.family == "llama" and is_asked and settings.quantized_weights is None


def _is_first_chatglm(wanted: Wanted) -> bool:
    return is_first_chatglm(wanted.family, wanted.version)


def _is_uncalibrated(wanted: Wanted) -> bool:
    """Whether the user gives --enable_fp8 themselves: then no scales are made or read."""
    return wanted.settings.quantization == "fp8" and has_flag(
        wanted.settings.build_flags, "--enable_fp8"
    )

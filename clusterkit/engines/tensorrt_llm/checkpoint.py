"""From 0.8 on: a checkpoint for tp x pp ranks, by the family's converter or by quantize.py."""

from __future__ import annotations

from clusterkit.engines.engine_build import CHECKPOINT
from clusterkit.engines.tensorrt_llm.families import CHATGLM, guessed_chatglm_version
from clusterkit.engines.tensorrt_llm.flags import Flag, flag
from clusterkit.engines.tensorrt_llm.programs import Program
from clusterkit.engines.tensorrt_llm.wanted import CALIBRATION_PROMPTS, Wanted

_QUANTIZE = "quantization/quantize.py"


def checkpoint_program(wanted: Wanted) -> Program:
    """fp8 and int4-awq need calibration; int8 is a matter of the weights, and the converter's."""
    if wanted.is_calibrated:
        return Program("quantize", _QUANTIZE, _quantize_flags(wanted), "convert_flags")
    path = wanted.program("convert_checkpoint.py")
    return Program("convert", path, _convert_flags(wanted), "convert_flags")


def _convert_flags(wanted: Wanted) -> tuple[Flag, ...]:
    return (*_common(wanted), *_variant(wanted), *_weight_only(wanted), *_workers(wanted))


def _quantize_flags(wanted: Wanted) -> tuple[Flag, ...]:
    quantization, setting = wanted.settings.quantization, "engine.quantization"
    cache = (flag("--kv_cache_dtype", "fp8", setting=setting),) if quantization == "fp8" else ()
    return (
        *_common(wanted),
        flag("--qformat", quantization.replace("-", "_"), setting=setting),
        *cache,
        flag("--calib_size", CALIBRATION_PROMPTS[quantization]),
    )


def _common(wanted: Wanted) -> tuple[Flag, ...]:
    settings = wanted.settings
    return (
        flag("--model_dir", settings.model, setting="engine.model"),
        flag("--output_dir", CHECKPOINT, setting="storage.path"),
        flag("--dtype", wanted.dtype, setting="engine.dtype"),
        flag("--tp_size", settings.tp, setting="engine.tp"),
        flag("--pp_size", settings.pp, setting="engine.pp"),
    )


def _variant(wanted: Wanted) -> tuple[Flag, ...]:
    """The converters of GPT and ChatGLM guess it from the folder's path; here it is known."""
    setting = "engine.family"
    if wanted.family == "gpt2":
        return (flag("--gpt_variant", "gpt2", setting=setting),)
    if (
        wanted.family in CHATGLM
        and guessed_chatglm_version(wanted.settings.model) != wanted.family
    ):
        return (flag("--chatglm_version", wanted.family, setting=setting),)
    return ()


def _weight_only(wanted: Wanted) -> tuple[Flag, ...]:
    if wanted.settings.quantization != "int8":
        return ()
    setting = "engine.quantization"
    return (
        flag("--use_weight_only", setting=setting),
        flag("--weight_only_precision", "int8", setting=setting),
    )


def _workers(wanted: Wanted) -> tuple[Flag, ...]:
    many = wanted.workers > 1
    return (flag("--workers", wanted.workers, setting="engine.workers"),) if many else ()

"""What a version cannot build, with the reason and a version that can."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.families import (
    CHATGLM,
    first_checkpoints,
    is_first_chatglm,
    missing_family,
    uses_build_py,
)
from clusterkit.engines.tensorrt_llm.known_flags import FlagSpec, known_flags
from clusterkit.engines.tensorrt_llm.versions import LAST_WITH_ENGINES, has_engines
from clusterkit.engines.tensorrt_llm.wanted import Wanted
from clusterkit.engines.versions import in_words, since
from clusterkit.errors import UsageError
from clusterkit.model.mistakes import any_of
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings

_GPT_PIPELINES = (0, 10)
"""Pipeline parallelism for GPT (its release notes)."""
_QUANTIZED_SINCE = {("mixtral", "fp8"): (0, 10), ("mixtral", "int4-awq"): (0, 19)}
"""What quantize.py could not do from its beginning on (release notes)."""
_QWENS = {"qwen2": (0, 10), "qwen2_moe": (0, 11), "qwen3": (1, 0), "qwen3_moe": (1, 0)}
"""The first release with engines of each Qwen after the first, by its model_type."""
_LLAMA_WRITES_AWQ = (0, 7)
"""llama/quantize.py --qformat int4_awq."""
_READS_AWQ = {"llama": (0, 5), "chatglm2": (0, 7), "chatglm3": (0, 7), "qwen": (0, 8)}
"""The build.py that have --quant_ckpt_path for AWQ, and since when."""


def require_engines(settings: TensorRtLlmSettings, version: Version) -> None:
    """Refuse what has no engine at all.

    Raises:
        UsageError: If the backend is PyTorch, or the version is newer than engines.
    """
    if settings.backend == "pytorch":
        raise UsageError(
            "engine.backend: the PyTorch backend has no engines; it serves the model itself. "
            "Fix: `clusterkit serve`, or engine.backend tensorrt"
        )
    if not has_engines(version):
        raise UsageError(
            f"engine.version: TensorRT-LLM {version} has no engines any more; "
            f"{LAST_WITH_ENGINES} was the last that had. Fix: `clusterkit serve`, which serves "
            f"the model itself with the PyTorch backend, or TensorRT-LLM {LAST_WITH_ENGINES}"
        )


def refusals(wanted: Wanted) -> list[str]:
    """Every reason why this version does not build this engine."""
    if problem := missing_family(wanted.family, wanted.version):
        return [problem]
    return [*_of_split(wanted), *_of_quantization(wanted), *_of_dtype(wanted), *_of_qwen(wanted)]


def _of_split(wanted: Wanted) -> Iterator[str]:
    """ChatGLM never has pipelines; its first release has no split; GPT's build.py has tp alone."""
    settings, version = wanted.settings, wanted.version
    if is_first_chatglm(wanted.family, version) and settings.world_size > 1:
        yield (
            f"engine.tp, engine.pp: {wanted.family} in TensorRT-LLM {version} runs on one GPU. "
            "Fix: tp 1 and pp 1, or 0.6.0 or newer, which has tp"
        )
    elif wanted.family in CHATGLM and settings.pp > 1:
        yield (
            "engine.pp: TensorRT-LLM has no pipeline parallelism for ChatGLM in any version. "
            f"Fix: tp {settings.world_size} and pp 1"
        )
    if wanted.family == "gpt2" and settings.pp > 1 and not since(version, _GPT_PIPELINES):
        yield (
            f"engine.pp: TensorRT-LLM {version} has no pipeline parallelism for GPT. "
            f"Fix: tp {settings.world_size} and pp 1, or {in_words(_GPT_PIPELINES)} or newer"
        )


def _of_quantization(wanted: Wanted) -> Iterator[str]:
    """fp8 and int4-awq; int8 is a matter of the weights alone, and every version has it."""
    said = f"engine.quantization: {wanted.family} in TensorRT-LLM {wanted.version}"
    quantization, family = wanted.settings.quantization, wanted.family
    if not wanted.is_calibrated:
        return
    first = _QUANTIZED_SINCE.get((family, quantization), first_checkpoints(family))
    newer = f"{in_words(first)} or newer"
    if not uses_build_py(family, wanted.version):
        if not since(wanted.version, first):
            yield f"{said}: quantize.py has no {quantization} for it. Fix: {newer}, or int8"
    elif quantization == "fp8" and family != "llama":
        yield f"{said}: build.py cannot read the scales of fp8. Fix: {newer}, or int8"
    elif quantization == "int4-awq" and not _reads_awq(wanted):
        yield f"{said}: build.py cannot read weights of AWQ. Fix: {newer}, or int8"
    elif quantization == "int4-awq" and not _has_awq_weights(wanted):
        made = f"{in_words(_LLAMA_WRITES_AWQ)} or newer" if family == "llama" else newer
        yield (
            f"{said} needs the file that AWQ wrote. Fix: set engine.quantized_weights to it, "
            f"or {made}"
        )


def _reads_awq(wanted: Wanted) -> bool:
    first = _READS_AWQ.get(wanted.family)
    return first is not None and since(wanted.version, first)


def _has_awq_weights(wanted: Wanted) -> bool:
    """Whether they are given, or made by a stage of the build."""
    is_made = wanted.family == "llama" and since(wanted.version, _LLAMA_WRITES_AWQ)
    return is_made or wanted.settings.quantized_weights is not None


def _of_dtype(wanted: Wanted) -> Iterator[str]:
    name = "build.py" if uses_build_py(wanted.family, wanted.version) else "convert_checkpoint.py"
    spec = (known_flags(wanted.program(name), wanted.version) or {}).get("--dtype")
    if isinstance(spec, FlagSpec) and spec.choices and wanted.dtype not in spec.choices:
        yield (
            f"engine.dtype: {wanted.program(name)} of TensorRT-LLM {wanted.version} has no "
            f"{wanted.dtype}. Fix: {any_of(spec.choices)}"
        )


def _of_qwen(wanted: Wanted) -> Iterator[str]:
    """The first Qwen is the one that has `kv_channels`."""
    if wanted.family != "qwen" or not wanted.config or "kv_channels" in wanted.config:
        return
    kind = str(wanted.config.get("model_type", "this model"))
    first = _QWENS.get(kind, _QWENS["qwen2"])
    if not since(wanted.version, first):
        yield (
            f"engine.model: TensorRT-LLM {wanted.version} builds no {kind}. "
            f"Fix: {in_words(first)} or newer"
        )

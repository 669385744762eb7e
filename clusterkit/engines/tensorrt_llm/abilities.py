"""What a version cannot build, with the reason and a version that can."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.families import (
    CHATGLM,
    is_first_chatglm,
    missing_family,
    uses_build_py,
)
from clusterkit.engines.tensorrt_llm.known_flags import FlagSpec, known_flags
from clusterkit.engines.tensorrt_llm.versions import (
    LAST_WITH_ENGINES,
    has_engines,
    in_words,
    since,
)
from clusterkit.engines.tensorrt_llm.wanted import Wanted
from clusterkit.errors import UsageError
from clusterkit.model.mistakes import any_of
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings

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
    if wanted.family == "gpt2" and uses_build_py("gpt2", version) and settings.pp > 1:
        yield (
            f"engine.pp: gpt/build.py of TensorRT-LLM {version} has tensor parallelism alone. "
            f"Fix: tp {settings.world_size} and pp 1, or 0.9.0 or newer"
        )


def _of_quantization(wanted: Wanted) -> Iterator[str]:
    """fp8 and int4-awq; int8 is a matter of the weights alone, and every version has it."""
    said = f"engine.quantization: {wanted.family} in TensorRT-LLM {wanted.version}"
    newer = "0.8.0" if wanted.family in ("llama", *CHATGLM) else "0.9.0"
    quantization, family = wanted.settings.quantization, wanted.family
    if not wanted.is_calibrated:
        return
    if not uses_build_py(family, wanted.version):
        if family == "mixtral" and not since(wanted.version, (0, 9)):
            yield f"{said}: quantize.py does not know it. Fix: 0.9.0 or newer, or int8"
    elif quantization == "fp8" and family != "llama":
        yield f"{said}: build.py cannot read the scales of fp8. Fix: {newer} or newer, or int8"
    elif quantization == "int4-awq" and not _reads_awq(wanted):
        yield f"{said}: build.py cannot read weights of AWQ. Fix: {newer} or newer, or int8"
    elif quantization == "int4-awq" and not _has_awq_weights(wanted):
        first = in_words(_LLAMA_WRITES_AWQ) if family == "llama" else newer
        yield (
            f"{said} needs the file that AWQ wrote. Fix: set engine.quantized_weights to it, "
            f"or {first} or newer"
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
    """qwen/build.py reads `kv_channels`, which Qwen 1 alone has."""
    is_old = wanted.family == "qwen" and uses_build_py("qwen", wanted.version)
    if is_old and wanted.config and "kv_channels" not in wanted.config:
        kind = wanted.config.get("model_type", "this model")
        yield (
            f"engine.model: qwen/build.py of TensorRT-LLM {wanted.version} builds the first Qwen "
            f"alone, and this is {kind}. Fix: 0.10.0 or newer"
        )

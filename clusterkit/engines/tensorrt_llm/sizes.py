"""How large an engine will be, by the weights it holds."""

from __future__ import annotations

from clusterkit.engines.tensorrt_llm.families import uses_build_py
from clusterkit.engines.tensorrt_llm.wanted import Wanted
from clusterkit.facts import ModelFolder

_HALF = 2.0
_BYTES = {"fp8": 1.0, "int8": 1.0, "int4-awq": 0.5 + 2.0 / 128}
"""A parameter's; AWQ has one scale of two bytes for each group of 128."""
_DTYPE_BYTES = {"float32": 4.0}


def engine_bytes(wanted: Wanted, model: ModelFolder | None) -> int | None:
    """The engine's files together: quantized layers, and embeddings as they were."""
    if model is None or model.parameters is None:
        return None
    full = _DTYPE_BYTES.get(wanted.dtype, _HALF)
    size = _BYTES.get(wanted.settings.quantization, full)
    kept = min(_embedded(wanted), model.parameters)
    return round((model.parameters - kept) * size + kept * full)


def work_bytes(wanted: Wanted, model: ModelFolder | None) -> int | None:
    """What lies beside it while it is built: a checkpoint, of the same weights."""
    if uses_build_py(wanted.family, wanted.version) and wanted.family != "gpt2":
        return 0 if wanted.settings.quantization in ("none", "int8") else _scales(wanted, model)
    return engine_bytes(wanted, model)


def _scales(wanted: Wanted, model: ModelFolder | None) -> int | None:
    """What llama/quantize.py writes may hold all weights in half precision again."""
    if wanted.settings.quantized_weights is not None:
        return 0
    return None if model is None or model.parameters is None else 2 * model.parameters


def _embedded(wanted: Wanted) -> int:
    """Parameters of the token embeddings and the last layer, which are not quantized."""
    config = wanted.config
    vocabulary = config.get("padded_vocab_size") or config.get("vocab_size") or 0
    hidden = config.get("hidden_size") or config.get("n_embd") or 0
    tables = 1 if config.get("tie_word_embeddings") else 2
    return int(vocabulary) * int(hidden) * tables

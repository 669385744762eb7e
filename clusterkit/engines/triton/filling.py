"""What the templates of each version must be told, and what clusterkit tells them."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from clusterkit.errors import did_you_mean
from clusterkit.model.triton import TritonSettings
from clusterkit.placement import Placement

_MODELS = ("ensemble", "preprocessing", "postprocessing", "tensorrt_llm", "tensorrt_llm_bls")
# Of which version on a model's template has a placeholder that must be filled, and up to which.
_MANDATORY: tuple[tuple[str, str, str | None, tuple[str, ...]], ...] = (
    ("decoupled_mode", "0.5", None, ("tensorrt_llm",)),
    ("decoupled_mode", "0.7", None, ("tensorrt_llm_bls",)),
    ("engine_dir", "0.5", None, ("tensorrt_llm",)),
    ("tokenizer_dir", "0.5", None, ("preprocessing", "postprocessing")),
    ("tokenizer_type", "0.5", "0.9", ("preprocessing", "postprocessing")),
    ("batching_strategy", "0.6", None, ("tensorrt_llm",)),
    ("triton_max_batch_size", "0.6", None, _MODELS[:4]),
    ("triton_max_batch_size", "0.7", None, ("tensorrt_llm_bls",)),
    ("preprocessing_instance_count", "0.6", None, ("preprocessing",)),
    ("postprocessing_instance_count", "0.6", None, ("postprocessing",)),
    ("bls_instance_count", "0.7", None, ("tensorrt_llm_bls",)),
    ("max_queue_delay_microseconds", "0.6", None, ("tensorrt_llm",)),
    ("triton_backend", "0.10", None, ("tensorrt_llm",)),
    ("max_queue_size", "0.12", None, ("tensorrt_llm",)),
    ("encoder_input_features_data_type", "0.16", None, ("tensorrt_llm",)),
    ("max_queue_delay_microseconds", "0.19", None, ("preprocessing",)),
    ("max_queue_size", "0.19", None, ("preprocessing",)),
    ("logits_datatype", "0.19", None, ("ensemble", "tensorrt_llm", "tensorrt_llm_bls")),
    ("prompt_embedding_table_data_type", "0.20", None, ("tensorrt_llm", "tensorrt_llm_bls")),
)


def mandatory(version: Version) -> dict[str, frozenset[str]]:
    """What the server does not start without, by the model whose template asks for it."""
    found: dict[str, set[str]] = {}
    for name, first, until, models in _MANDATORY:
        if version >= Version(first) and (until is None or version < Version(until)):
            for model in models:
                found.setdefault(model, set()).add(name)
    return {model: frozenset(names) for model, names in found.items()}


def values_of(settings: TritonSettings, placement: Placement) -> dict[str, str]:
    """The value of each placeholder that is known; a template takes those that it has."""
    values = {
        "decoupled_mode": _text(settings.decoupled),
        "engine_dir": settings.model,
        "tokenizer_dir": settings.tokenizer_folder,
        "tokenizer_type": settings.tokenizer_type,
        "triton_backend": settings.backend,
        "triton_max_batch_size": _text(settings.max_batch_size),
        "batching_strategy": "inflight_fused_batching",
        "preprocessing_instance_count": _text(settings.instances),
        "postprocessing_instance_count": _text(settings.instances),
        "bls_instance_count": _text(settings.instances),
        "max_queue_delay_microseconds": "0",
        "max_queue_size": "0",
        "encoder_input_features_data_type": "TYPE_FP16",
        "prompt_embedding_table_data_type": "TYPE_FP16",
        "logits_datatype": "TYPE_FP32",
        "tensorrt_llm_model_name": "tensorrt_llm",
        "num_nodes": _text(len(placement.nodes)),
    }
    return values | {name: _text(value) for name, value in settings.parameters.items()}


def unknown_parameters(settings: TritonSettings, asked: frozenset[str]) -> Iterator[str]:
    """Parameters that no template asks for, each with a fix; the server would never see them."""
    for name in settings.parameters:
        if name not in asked:
            fix = did_you_mean(name, sorted(asked), otherwise="leave it out")
            yield f"engine.parameters: no template has ${{{name}}}. Fix: {fix}"


def _text(value: str | float | bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)

"""The family of a model, as its folder tells it."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import get_args

from clusterkit.engines.tensorrt_llm.families import CHATGLM
from clusterkit.errors import UsageError
from clusterkit.facts import ModelFolder
from clusterkit.model.mistakes import any_of
from clusterkit.model.tensorrt_llm import Family, TensorRtLlmSettings

_FAMILIES: tuple[Family, ...] = get_args(Family)
_ARCHITECTURES: Mapping[str, Family] = {
    "LlamaForCausalLM": "llama",
    "LLaMAForCausalLM": "llama",
    "MistralForCausalLM": "llama",  # the same programs, by examples/llama/README.md
    "MixtralForCausalLM": "mixtral",
    "GPT2LMHeadModel": "gpt2",
    "QWenLMHeadModel": "qwen",
    "Qwen2ForCausalLM": "qwen",
    "Qwen2MoeForCausalLM": "qwen",
    "Qwen3ForCausalLM": "qwen",
    "Qwen3MoeForCausalLM": "qwen",
}
_MODEL_TYPES: Mapping[str, Family] = {
    "llama": "llama",
    "mistral": "llama",
    "mixtral": "mixtral",
    "gpt2": "gpt2",
    "qwen": "qwen",
    "qwen2": "qwen",
    "qwen2_moe": "qwen",
    "qwen3": "qwen",
    "qwen3_moe": "qwen",
}


def family_of(settings: TensorRtLlmSettings, model: ModelFolder | None) -> Family:
    """The family that the settings name, or that config.json tells.

    Raises:
        UsageError: If neither tells it, or they contradict each other.
    """
    if model is None:
        if settings.family is None:
            raise UsageError(
                "engine.family: nobody has looked at the model, so its family is unknown. "
                f"Fix: set engine.family to one of {', '.join(_FAMILIES)}"
            )
        return settings.family
    found = _families_in(model)
    if settings.family is None and len(found) == 1:
        return found[0]
    if settings.family in found:
        assert settings.family is not None  # noqa: S101 - for the type checker
        return settings.family
    said = model.config.get("architectures") or model.config.get("model_type") or "nothing"
    what = ", ".join(said) if isinstance(said, list) else said
    if settings.family is not None:
        use = f"set engine.family to {found[0]}" if len(found) == 1 else "correct engine.model"
        raise UsageError(
            f"engine.family: {model.folder}/config.json says {what}, which is no "
            f"{settings.family}. Fix: {use}"
        )
    one_of = any_of(found or _FAMILIES)
    raise UsageError(
        f"engine.model: {model.folder}/config.json says {what}, and no family can be told from "
        f"it. Fix: set engine.family to {one_of}, if it is one"
    )


def _families_in(model: ModelFolder) -> tuple[Family, ...]:
    """The families that a folder can be; ChatGLM2 and 3 differ in their names alone."""
    config = model.config
    model_type = str(config.get("model_type", ""))
    architectures = [str(name) for name in config.get("architectures") or ()]
    if model_type == "chatglm" or any(name.startswith("ChatGLM") for name in architectures):
        return _chatglms_in(model)
    found = {_ARCHITECTURES[name] for name in architectures if name in _ARCHITECTURES}
    if not architectures and model_type in _MODEL_TYPES:
        found = {_MODEL_TYPES[model_type]}
    return tuple(found)


def _chatglms_in(model: ModelFolder) -> tuple[Family, ...]:
    if "multi_query_group_num" not in model.config:  # ChatGLM-6B, the first
        return ()
    names = f"{model.config.get('_name_or_path', '')} {posixpath.basename(model.folder)}".lower()
    plain = names.replace("-", "").replace("_", "")
    if "glm4" in plain:
        return ()
    named = tuple(family for family in CHATGLM if family in plain)
    return named or CHATGLM

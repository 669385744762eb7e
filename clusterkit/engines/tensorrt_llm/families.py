"""The model families: where each version keeps their programs, and how a folder tells its own."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any, get_args

from packaging.version import Version

from clusterkit.engines.tensorrt_llm import versions
from clusterkit.errors import UsageError
from clusterkit.facts import ModelFolder
from clusterkit.model.tensorrt_llm import Family, TensorRtLlmSettings

FAMILIES: tuple[Family, ...] = get_args(Family)
CHATGLM: tuple[Family, ...] = ("chatglm2", "chatglm3")
FIRST_WITH: Mapping[Family, tuple[int, int]] = {
    "chatglm3": (0, 6),
    "qwen": (0, 6),
    "mixtral": (0, 7),
}
"""The first release whose examples have the family; the others are there from 0.5 on."""
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
_GUESSED_VERSIONS = ("glm4", "chatglm3", "chatglm2", "chatglm", "glm")


def family_of(settings: TensorRtLlmSettings, model: ModelFolder | None) -> Family:
    """The family that the settings name, or that config.json tells.

    Raises:
        UsageError: If neither tells it, or they contradict each other.
    """
    if model is None:
        if settings.family is None:
            raise UsageError(
                "engine.family: nobody has looked at the model, so its family is unknown. "
                f"Fix: set engine.family to one of {', '.join(FAMILIES)}"
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
    one_of = " or ".join(found or FAMILIES)
    raise UsageError(
        f"engine.model: {model.folder}/config.json says {what}, and no family can be told from "
        f"it. Fix: set engine.family to {one_of}, if it is one"
    )


def uses_build_py(family: Family, version: Version) -> bool:
    """Whether the family is built by its own build.py, without trtllm-build."""
    late = family in ("gpt2", "qwen")
    first = versions.CHECKPOINTS_OF_GPT_AND_QWEN if late else versions.CHECKPOINTS
    return not versions.since(version, first)


def example_folder(family: Family, version: Version) -> str:
    """The folder of the family's programs, below ``examples/``."""
    if family in CHATGLM and not versions.since(version, (0, 6)):
        return "chatglm2-6b"
    in_core = versions.since(version, versions.EXAMPLES_IN_MODELS_CORE)
    name = {"mixtral": "llama", "gpt2": "gpt"}.get(family, family)
    if family in CHATGLM:
        name = "glm-4-9b" if in_core else "chatglm"
    return f"models/core/{name}" if in_core else name


def chatglm_name(family: Family, folder: str, config: Mapping[str, Any]) -> str:
    """The ``--model_name`` of chatglm/build.py: ``chatglm2_6b``, ``chatglm3_6b_32k`` and so on."""
    names = f"{posixpath.basename(folder)} {config.get('_name_or_path', '')}".lower()
    if "32k" in names or config.get("rope_ratio", 1) > 1:
        return f"{family}_6b_32k"
    return f"{family}_6b_base" if family == "chatglm3" and "base" in names else f"{family}_6b"


def guessed_chatglm_version(folder: str) -> str | None:
    """What convert_checkpoint.py takes a model for, by the path that it is given."""
    if "glm_4" in folder.replace("-", "_"):
        return "glm4"
    return next((version for version in _GUESSED_VERSIONS if version in folder), None)


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

"""The model families: since when each is there, and where a version keeps its programs."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

from packaging.version import Version

from clusterkit.engines.tensorrt_llm import versions
from clusterkit.engines.versions import Release, in_words, since
from clusterkit.model.tensorrt_llm import Family

CHATGLM: tuple[Family, ...] = ("chatglm2", "chatglm3")
FIRST_CHATGLM = "chatglm2-6b"
"""The folder of its programs in 0.5, and the name of its engine."""
_FIRST_WITH: Mapping[Family, tuple[int, int]] = {
    "chatglm3": (0, 6),
    "qwen": (0, 6),
    "mixtral": (0, 7),
}
"""The first release whose examples have the family; the others are there from 0.5 on."""
_NAMES_OF_PROGRAMS: Mapping[Family, str] = {"mixtral": "llama", "gpt2": "gpt"}
"""Families that the programs of another name build."""
_GUESSED_VERSIONS = ("glm4", "chatglm3", "chatglm2", "chatglm", "glm")


def missing_family(family: Family, version: Version) -> str | None:
    """Why a version does not have the family, with one that does; None: it has it."""
    first = _FIRST_WITH.get(family)
    if first is None or since(version, first):
        return None
    fix = f"Fix: {in_words(first)} or newer"
    return f"engine.family: TensorRT-LLM {version} has no {family}. {fix}"


def is_first_chatglm(family: Family, version: Version) -> bool:
    """Whether it is ChatGLM2 of 0.5, with programs of its own and no split."""
    return family in CHATGLM and not since(version, versions.ONE_CHATGLM)


def program_name(family: Family) -> str:
    """What build.py calls the family in the names of engines, and the folder of its programs."""
    return _NAMES_OF_PROGRAMS.get(family, family)


def uses_build_py(family: Family, version: Version) -> bool:
    """Whether the family is built by its own build.py, without trtllm-build."""
    return not since(version, first_checkpoints(family))


def first_checkpoints(family: Family) -> Release:
    """The release from which on the family is built from a checkpoint, by trtllm-build."""
    is_late = family in ("gpt2", "qwen")
    return versions.CHECKPOINTS_OF_GPT_AND_QWEN if is_late else versions.CHECKPOINTS


def example_folder(family: Family, version: Version) -> str:
    """The folder of the family's programs, below ``examples/``."""
    if is_first_chatglm(family, version):
        return FIRST_CHATGLM
    in_core = since(version, versions.EXAMPLES_IN_MODELS_CORE)
    name = program_name(family)
    if family in CHATGLM:
        name = "glm-4-9b" if in_core else "chatglm"
    return f"models/core/{name}" if in_core else name


def chatglm_name(family: Family, folder: str, config: Mapping[str, Any]) -> str:
    """The ``--model_name`` of chatglm/build.py: ``chatglm2_6b``, ``chatglm3_6b_32k`` and so on."""
    names = f"{posixpath.basename(folder)} {config.get('_name_or_path', '')}".lower()
    if "32k" in names or config.get("rope_ratio", 1) > 1:  # as the models of 32k have it
        return f"{family}_6b_32k"
    return f"{family}_6b_base" if family == "chatglm3" and "base" in names else f"{family}_6b"


def guessed_chatglm_version(folder: str) -> str | None:
    """What convert_checkpoint.py takes a model for, by the path that it is given."""
    if "glm_4" in folder.replace("-", "_"):
        return "glm4"
    return next((version for version in _GUESSED_VERSIONS if version in folder), None)

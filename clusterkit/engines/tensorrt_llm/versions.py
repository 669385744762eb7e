"""Versions of TensorRT-LLM: which one is meant, and where they part ways."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

from clusterkit.errors import UsageError
from clusterkit.facts import NodeFacts
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings

OLDEST = Version("0.5.0")
LAST_WITH_ENGINES = Version("1.3.0rc20")
"""The last release with the TensorRT backend (its release notes, 30 June 2026)."""


def parse_version(text: str) -> Version:
    """``0.16.0``, ``1.3.0rc20`` and the like, in their order.

    Raises:
        UsageError: If it is no version, or older than the first one.
    """
    try:
        version = Version(text)
    except InvalidVersion:
        raise UsageError(
            f"engine.version: `{text}` is no version of TensorRT-LLM. Fix: one such as 0.16.0"
        ) from None
    if version.release < OLDEST.release:
        raise UsageError(
            f"engine.version: TensorRT-LLM {text} is older than {OLDEST}, the first release. "
            "Fix: a newer one"
        )
    return version


def version_on(settings: TensorRtLlmSettings, node: str, facts: NodeFacts) -> Version:
    """The version that a node has; the one of the inventory where the node was not asked.

    Raises:
        UsageError: If the two differ, or nobody says any.
    """
    installed = facts.packages.get("tensorrt_llm")
    if installed is None and settings.version is None:
        raise UsageError(
            f"{node}: {facts.python} has no tensorrt_llm, and the inventory names no "
            "version. Fix: set `python` to the one that has it, or `engine.version` for --dry-run"
        )
    if installed and settings.version:
        has, wanted = parse_version(installed), parse_version(settings.version)
        if has != wanted:
            raise UsageError(
                f"{node}: TensorRT-LLM {installed} is installed, and engine.version is "
                f"{settings.version}. Fix: correct engine.version, or leave it out"
            )
    return parse_version(installed or str(settings.version))

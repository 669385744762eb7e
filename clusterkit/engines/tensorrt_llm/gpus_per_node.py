"""How each rank learns how many GPUs its node has: TensorRT-LLM assumes 8 everywhere.

A rank takes the device ``rank % gpus_per_node``. The ranks of a node are a block of k ranks that
follow one another, and such a block modulo k is each of 0 … k-1 once, wherever it begins: so the
number of a node's own ranks is right on every node, also where nodes differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from packaging.version import Version

from clusterkit.engines.tensorrt_llm import versions
from clusterkit.engines.tensorrt_llm.flags import has_flag
from clusterkit.engines.tensorrt_llm.layout import Layout
from clusterkit.engines.tensorrt_llm.versions import has_engines
from clusterkit.engines.versions import since
from clusterkit.errors import UsageError
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.payloads.model_protocol import GPUS_PER_NODE_BY
from clusterkit.placement import Placement

_FLAG = "--gpus_per_node"
_NCCL_ONLY = {"FORCE_NCCL_ALL_REDUCE_STRATEGY": "1"}


@dataclass(frozen=True, slots=True)
class GpusPerNode:
    """What to do about it. ``why`` says it in one clause, for a dry run and the docs.

    ``at_run``: an import hook (``shim``), an edited config.json (``config``), or ``none``.
    ``build_flag`` is the value of trtllm-build's ``--gpus_per_node``; None: it is not given.
    ``env`` is what ranks need besides; builds must not have it (before 0.13 they broke by it).
    """

    at_run: Literal["none", "shim", "config"]
    why: str
    build_flag: int | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def rank_env(self) -> dict[str, str]:
        """What every rank's environment has of it; the number itself is LOCAL_WORLD_SIZE there."""
        told = {} if self.at_run == "none" else {GPUS_PER_NODE_BY: self.at_run}
        return {**told, **self.env}


def gpus_per_node(
    settings: TensorRtLlmSettings, version: Version, placement: Placement
) -> GpusPerNode:
    """Decide it for one version and one layout.

    Raises:
        UsageError: If the inventory asks for a fix that this version does not have.
    """
    if problem := refusal(settings, version, placement):
        raise UsageError(problem)
    layout = Layout(placement, settings.tp)
    if is_pytorch(settings, version):
        return GpusPerNode("none", "the PyTorch backend counts the GPUs of each node itself")
    env = _NCCL_ONLY if needs_nccl_alone(version, layout) else {}
    match settings.gpus_per_node:
        case "off":
            return GpusPerNode("none", "engine.gpus_per_node is off", env=env)
        case "shim":
            return GpusPerNode("shim", "engine.gpus_per_node asks for the import hook")
        case "config":
            return GpusPerNode(
                "config", "engine.gpus_per_node asks for an own config.json on each node", env=env
            )
        case "build-flag":
            number = layout.per_node[0]
            why = f"engine.gpus_per_node asks for {_FLAG} {number} at the build"
            return GpusPerNode("none", why, number, env)
        case _:
            return _automatic(settings, version, layout, env)


def _automatic(
    settings: TensorRtLlmSettings, version: Version, layout: Layout, env: Mapping[str, str]
) -> GpusPerNode:
    """What the version needs, and nothing where it needs nothing."""
    honours_config = since(version, versions.GPUS_PER_NODE_IN_CONFIG)
    if layout.is_as_assumed or (layout.finds_its_devices and not honours_config):
        return GpusPerNode("none", "every rank finds its device as it is", env=env)
    has = f"nodes have {layout.in_words()}, not 8"
    if not honours_config:
        return GpusPerNode("shim", f"{has}, and up to 0.9 only code tells it")
    why = f"{has}, and each node reads its number in the engine's config.json"
    return GpusPerNode("config", why, _build_flag(settings, version, layout), env)


def _build_flag(settings: TensorRtLlmSettings, version: Version, layout: Layout) -> int | None:
    """The number for the engine itself, where it has one and the user gives none."""
    is_given = has_flag(settings.build_flags, _FLAG)
    if is_given or not layout.is_uniform or since(version, versions.GPUS_PER_NODE_FLAG_GONE):
        return None
    return layout.per_node[0]


def is_pytorch(settings: TensorRtLlmSettings, version: Version) -> bool:
    """Whether no engine is run at all."""
    return settings.backend == "pytorch" or not has_engines(version)


def needs_nccl_alone(version: Version, layout: Layout) -> bool:
    """Whether the all-reduce must not look for itself which ranks share a node.

    From 0.10 to 0.15 it hangs on every node but the first where a tensor parallel group is smaller
    than the node's ranks (`getLocalGroup`). Where groups straddle nodes, or nodes differ, its sums
    over ``gpus_per_node`` do not hold in any version.
    """
    looks = since(version, versions.GPUS_PER_NODE_IN_CONFIG)
    if layout.tp == 1 or len(layout.per_node) == 1 or not looks:
        return False
    smaller = any(count > layout.tp for count in layout.per_node)
    asks_wrong_ranks = smaller and not since(version, versions.LOCAL_GROUP_MENDED)
    return asks_wrong_ranks or bool(layout.straddling) or not layout.is_uniform


def refusal(settings: TensorRtLlmSettings, version: Version, placement: Placement) -> str | None:
    """Why the fix that the inventory asks for cannot be had; None: it can, or none is asked."""
    asked = settings.gpus_per_node
    if asked in ("auto", "off"):
        return None
    honours_config = since(version, versions.GPUS_PER_NODE_IN_CONFIG)
    why, fix = "", "leave engine.gpus_per_node out"
    if is_pytorch(settings, version):
        why = "the PyTorch backend has no engine, and counts the GPUs of each node itself"
    elif asked == "shim" and honours_config:
        why = "its C++ reads the engine's config.json itself, where no import hook reaches"
        fix = "`config`, or leave engine.gpus_per_node out"
    elif asked == "config" and not honours_config:
        why = "it does not read the number in the engine's config.json"
        fix = "`shim`, or leave engine.gpus_per_node out"
    elif asked == "build-flag" and not honours_config:
        why = f"its {_FLAG} is only for the build, and no engine keeps it"
        fix = "`shim`, or leave engine.gpus_per_node out"
    elif asked == "build-flag" and since(version, versions.GPUS_PER_NODE_FLAG_GONE):
        why = f"its trtllm-build has no {_FLAG}"
        fix = "`config`, or leave engine.gpus_per_node out"
    elif asked == "build-flag" and not (layout := Layout(placement, settings.tp)).is_uniform:
        why = f"the nodes have {layout.in_words()}, and one engine has one number"
        fix = "`config`, or leave engine.gpus_per_node out"
    if not why:
        return None
    return f"engine.gpus_per_node: {asked} does not help TensorRT-LLM {version}: {why}. Fix: {fix}"

"""Whether every rank finds its GPU: Triton's backend assumes 8 on each node, as run.py does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.gpus_per_node import needs_nccl_alone
from clusterkit.engines.tensorrt_llm.layout import ASSUMED, Layout
from clusterkit.model.triton import TritonSettings
from clusterkit.payloads.triton_devices import DEVICE_IDS, told_by
from clusterkit.placement import Placement

_NCCL_ONLY = {"FORCE_NCCL_ALL_REDUCE_STRATEGY": "1"}
_FIRST_THAT_NEEDS_IT = Version("0.10.0")
_NONE_IS_TOLD = Version("0.8.0")
"""Older backends take GPU ``rank % 8``, whatever anybody says."""


def must_tell(settings: TritonSettings, placement: Placement) -> bool:
    """Whether ranks must be told how many GPUs their node has; not where the user names them."""
    given = DEVICE_IDS in settings.parameters
    return not given and not Layout(placement, settings.tp).is_as_assumed


def devices_env(settings: TritonSettings, placement: Placement) -> Mapping[str, str]:
    """What ranks have in their environment for the all-reduce; a version that is unknown needs it.

    It only makes NCCL do what it would do anyway between nodes.
    """
    version = Version(settings.version) if settings.version else _FIRST_THAT_NEEDS_IT
    needed = needs_nccl_alone(version, Layout(placement, settings.tp))
    return _NCCL_ONLY if needed else {}


def version_problems(settings: TritonSettings, placement: Placement) -> Iterator[str]:
    """GPUs that ranks of this version would miss; where none is named, the engine tells later."""
    if settings.version is not None and Version(settings.version) < _NONE_IS_TOLD:
        yield from _missed(settings, placement)


def device_problems(
    settings: TritonSettings,
    placement: Placement,
    config: Mapping[str, Any],
    placeholders: set[str],
) -> Iterator[str]:
    """GPUs that ranks of this engine would miss, with these templates."""
    if told_by(config, placeholders) is None:
        yield from _missed(settings, placement)


def _missed(settings: TritonSettings, placement: Placement) -> Iterator[str]:
    layout = Layout(placement, settings.tp)
    if not must_tell(settings, placement) or layout.finds_its_devices:
        return
    for rank in placement.ranks:
        wanted = rank.rank % ASSUMED
        if rank.device is not None and wanted != rank.local_rank:
            yield (
                f"{rank.node}: rank {rank.rank} would take GPU {wanted} there: this backend "
                f"assumes {ASSUMED} on each node and cannot be told, and nodes have "
                f"{layout.in_words()}. Fix: all ranks on one node, or build and serve with "
                "TensorRT-LLM 0.10 or newer"
            )
            return

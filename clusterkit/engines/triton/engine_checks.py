"""Whether the engine on a node is that of the inventory, with what the node's ranks need."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from clusterkit.engines.triton.devices import device_problems
from clusterkit.model.triton import TritonSettings
from clusterkit.payloads.triton_repository import RUNS_ENGINE, placeholders
from clusterkit.placement import Placement

_RANK_FILE = re.compile(r"rank([0-9]+)\.engine$")


def engine_problems(
    settings: TritonSettings, placement: Placement, node: str, look: Mapping[str, Any]
) -> Iterator[str]:
    """Its own split, the GPUs that its ranks would take, and the files of this node's ranks."""
    engine = look["engine"]
    if engine is None:
        return
    tp, pp = split_of(engine["config"])
    if tp is not None and (tp, pp) != (settings.tp, settings.pp):
        yield (
            f"{settings.model} was built for tp={tp} pp={pp}, and the inventory says "
            f"tp={settings.tp} pp={settings.pp}. Fix: engine: {{tp: {tp}, pp: {pp}}}"
        )
        return
    asked = placeholders(look["templates"].get(RUNS_ENGINE, ""))
    yield from device_problems(settings, placement, engine["config"], asked)
    has = {int(found[1]) for name in engine["files"] if (found := _RANK_FILE.search(name))}
    here = [rank.rank for rank in placement.ranks if rank.node == node]
    lacks = [str(rank) for rank in here if rank not in has]
    if lacks:
        yield (
            f"{node}: {settings.model} lacks the file of rank {', '.join(lacks)}. Fix: bring "
            "it there, as `clusterkit engines push` does"
        )


def split_of(config: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """The tp and pp of an engine's config.json, as all versions write it; None: it says none."""
    mapping = config.get("pretrained_config", {}).get("mapping", {})
    if "tp_size" in mapping:
        return int(mapping["tp_size"]), int(mapping.get("pp_size", 1))
    builder = config.get("builder_config", {})
    if "tensor_parallel" in builder:
        return int(builder["tensor_parallel"]), int(builder.get("pipeline_parallel", 1))
    return None, None

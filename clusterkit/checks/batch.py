"""Whether a server has memory for all requests that it takes at once, were each the longest."""

from __future__ import annotations

from collections.abc import Mapping

from clusterkit.checks.memory import need_of
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.engine import EngineSettings
from clusterkit.model.models import ModelShape
from clusterkit.placement import place_stages
from clusterkit.quantities import gib


def batch_warning(
    shape: ModelShape,
    settings: EngineSettings,
    cluster: Cluster,
    facts: Mapping[str, NodeFacts],
    *,
    rows: int,
    context: int,
) -> str | None:
    """What to warn of where ``rows`` texts of ``context`` tokens do not fit, and what would.

    No more than a warning: requests are seldom as long as the model can read. None: they fit, or
    not even one does, which is refused elsewhere, or nothing is known.
    """
    placement = place_stages(cluster, tp=settings.tp, pp=settings.pp)
    rooms: list[tuple[int, int, str]] = []
    for name, ranks in placement.by_node:
        on_gpu = bool(cluster.node(name).gpus)
        need = need_of(shape, settings, context=context, on_gpu=on_gpu)
        have = _rank_bytes(facts[name], len(ranks), on_gpu=on_gpu) if name in facts else None
        if have is not None and need.kv_cache:
            left = have - need.weights - need.runtime
            rooms.append((left // need.kv_cache, left * context // need.kv_cache, name))
    fit, tokens, tightest = min(rooms, default=(rows, 0, ""))
    if not 1 <= fit < rows:
        return None
    on_gpu = bool(cluster.node(tightest).gpus)
    row = need_of(shape, settings, context=context, on_gpu=on_gpu).kv_cache
    return (
        f"{tightest}: {rows} requests of {context} tokens at once need {gib(rows * row)} for keys "
        f"and values in each rank, and {fit} of them fit. The server may fail where more are as "
        f"long: `--max-batch {fit}` fits, or `--max-prompt-tokens` and `--max-tokens` of "
        f"{tokens // rows} together"
    )


def _rank_bytes(facts: NodeFacts, ranks: int, *, on_gpu: bool) -> int | None:
    """What each rank of a node may have; a node without GPUs holds all of them in its memory."""
    if on_gpu:
        return min((gpu.memory_bytes for gpu in facts.gpus), default=None)
    return facts.memory_available_bytes // ranks

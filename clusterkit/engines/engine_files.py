"""Which files of a built engine each node needs, as its manifest tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from clusterkit.errors import ClusterkitError
from clusterkit.placement import Placement

TOKENIZER = "tokenizer/"
"""How the names of those files begin that every node needs besides the engine's own."""


def files_of_nodes(
    manifest: Mapping[str, Any], placement: Placement
) -> Mapping[str, tuple[str, ...]]:
    """The names of what each node of a run needs: what all need, and its own ranks' files.

    Raises:
        ClusterkitError: If the engine is of another size, or lacks a file.
    """
    engine, there = manifest["engine"], manifest["files"]
    rank_files: Sequence[Sequence[str]] = engine["rank_files"]
    name = manifest["name"]
    if len(rank_files) != placement.world_size:
        raise ClusterkitError(
            f"engine {name} was built for {len(rank_files)} ranks, and {placement.world_size} are "
            "to run. Fix: build it for as many, or set `tp` and `pp` to what it was built for"
        )
    for_all = [
        *engine["common_files"],
        *(each for each in there if each.startswith(TOKENIZER)),
    ]
    needed = {
        node: tuple(
            dict.fromkeys([*for_all, *(own for rank in ranks for own in rank_files[rank.rank])])
        )
        for node, ranks in placement.by_node
    }
    if lacking := {each for names in needed.values() for each in names} - there.keys():
        raise ClusterkitError(
            f"engine {name} lacks {', '.join(sorted(lacking))}. Fix: remove it with "
            f"`clusterkit engines rm {name}`, and build it again"
        )
    return needed


def has_all(manifest: Mapping[str, Any], names: Sequence[str], of: Mapping[str, Any]) -> bool:
    """Whether ``manifest``, of a node, has the files ``names`` of the engine as it is now."""
    return all(manifest["files"].get(name) == of["files"][name] for name in names)

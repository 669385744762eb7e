"""Many nodes in few words: ``node[1-64]``."""

from __future__ import annotations

from collections.abc import Iterable

FOLD_ABOVE = 20
"""Up to this many rows, every node has its own."""


def fold(names: Iterable[str]) -> str:
    """The names as one node set, in the notation of ClusterShell."""
    # ClusterShell takes a while to import, and most output folds nothing.
    from clusterkit.model import node_sets

    return node_sets.fold(names)


def without(node: str, text: str) -> str:
    """``text`` with the node's own name as ``*``, so that what nodes do can be compared."""
    return text.replace(node, "*")


def one_line(text: str) -> str:
    """``text`` without line ends and control characters, which would break a row."""
    return "".join(char if char.isprintable() else " " for char in text).strip()

"""``ls``: the clusters of this user."""

from __future__ import annotations

from rich.text import Text

from clusterkit.report.tables import BAD, FAINT, GOOD, Blocks, cell, table
from clusterkit.results.ls import ListedCluster, LsResult

_STYLES = {"up": GOOD, "partly": "yellow", "down": BAD, "unknown": FAINT}


def ls_text(ls: LsResult, *, wide: bool = False) -> Blocks:
    """One row a cluster; ``*`` marks the one that verbs mean. ``wide`` adds since when."""
    if not ls.clusters:
        return ["No clusters. `clusterkit init` writes a first inventory."]
    columns = ["", "NAME", "STATE", "PROVIDER", "NODES", "HEAD"]
    columns += ["UP SINCE", "INVENTORY"] if wide else ["INVENTORY"]
    rows = table(*columns, right=["NODES"], whole=["", "NAME", "STATE", "HEAD", "UP SINCE"])
    for one in ls.clusters:
        rows.add_row(
            "*" if one.current else "",
            one.name,
            Text(one.state + _stand_ins(one), _STYLES[one.state]),
            one.provider,
            str(one.nodes),
            one.head,
            *([cell(one.up_since)] if wide else []),
            one.where,
        )
    return [rows]


def _stand_ins(one: ListedCluster) -> str:
    """Which spares have a place: `` (node4 for node2)``."""
    words = ", ".join(f"{each.by} for {each.node}" for each in one.replaced)
    return f" ({words})" if words else ""

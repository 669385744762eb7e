"""``sweep``: what was found, what became of it, and what stays."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from rich.text import Text

from clusterkit.quantities import counted, duration
from clusterkit.report.tables import BAD, FAINT, GOOD, Block, Blocks, signed
from clusterkit.results.sweep import Leftover, SweepResult


def sweep_text(sweep: SweepResult, *, wide: bool = False) -> Blocks:
    """A plan where nothing was removed yet; ``wide`` adds how to remove each by hand."""
    blocks: list[Block] = []
    is_plan = not (sweep.removed or sweep.left)
    if is_plan or wide:
        blocks += _by_node(sweep.found if is_plan else sweep.removed, wide=wide)
    for row in sweep.spared:
        blocks.append(Text.assemble(("= ", FAINT), f"{row.node}: {row.what} stays: {row.why}."))
    for unseen in sweep.unseen:
        blocks.append(Text(f"? {unseen.node}: not looked at: {unseen.why}"))
    if sweep.removed:
        gone = counted(len(sweep.removed), "thing")
        blocks.append(f"{gone} removed in {duration(sweep.took_s)}.")
    if sweep.left:
        left = counted(len(sweep.left), "thing is", "things are")
        blocks.append(Text(f"{left} left:", BAD))
        for each in sweep.left:
            blocks.append(Text(f"  ! {each.node}: {each.what}: {each.why}"))
            blocks.append(f"    To remove it: {each.remove_with}")
    elif is_plan and sweep.found:
        blocks.append(Text.assemble(("Plan: ", "bold"), f"{len(sweep.found)} to destroy."))
    else:
        blocks.append(Text("Nothing is left behind.", GOOD))
    return blocks


def _by_node(rows: Iterable[Leftover], *, wide: bool) -> list[Block]:
    blocks: list[Block] = []
    for node, group in groupby(sorted(rows, key=lambda row: row.node), key=lambda row: row.node):
        blocks.append(Text(node, "bold"))
        for row in group:
            blocks.append(Text.assemble("  ", signed("-", f"{row.kind} {row.what}: {row.why}")))
            if wide:
                blocks.append(f"      {row.remove_with}")
        blocks.append("")
    return blocks

"""``check``: the inventory, resolved, as a table."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import counted
from clusterkit.report.folding import fold
from clusterkit.report.tables import Blocks, cell, grid, table
from clusterkit.results.check import CheckResult


def check_text(check: CheckResult, *, wide: bool = False) -> Blocks:
    """The cluster in a few lines, then its nodes; ``wide`` adds their interpreters."""
    engine = check.engine
    nodes = f"{counted(len(check.nodes), 'node')}, {counted(check.slots, 'slot')}"
    summary = grid("left", "left")
    summary.add_row(Text("cluster", "bold"), f"{check.cluster}: {nodes}")
    where = f"{check.provider}, {check.subnet}" if check.subnet else check.provider
    summary.add_row(Text("provider", "bold"), where)
    summary.add_row(Text("storage", "bold"), check.storage)
    runs = f"{engine.name}: {engine.model}, tp={engine.tp} pp={engine.pp}, dtype {engine.dtype}"
    summary.add_row(Text("engine", "bold"), runs)
    if check.looked_at:
        summary.add_row(Text("live", "bold"), f"{fold(check.looked_at)}: as the inventory says")
    columns = ["NODE", "ADDRESS", "SLOTS", "GPUS", "IMAGE"] + (["PYTHON"] if wide else [])
    rows = table(*columns, right=["SLOTS"], whole=["NODE", "ADDRESS"])
    for node in check.nodes:
        gpus = ",".join(map(str, node.gpus))
        values = [node.name, cell(node.address), str(node.slots), cell(gpus), cell(node.image)]
        rows.add_row(*values, *([cell(node.python)] if wide else []))
    return [summary, "", rows]

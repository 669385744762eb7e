"""``check``: the inventory, resolved, as a table."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from clusterkit.quantities import counted
from clusterkit.report.folding import fold
from clusterkit.report.tables import NOTHING, Blocks, cell, grid, table
from clusterkit.results.check import CheckResult


def check_text(check: CheckResult, *, wide: bool = False) -> Blocks:
    """The cluster in a few lines, then its nodes; ``wide`` adds their interpreters."""
    engine = check.engine
    spares = sum(node.is_spare for node in check.nodes)
    nodes = f"{counted(len(check.nodes) - spares, 'node')}, {counted(check.slots, 'slot')}"
    nodes += f", {counted(spares, 'spare')}" if spares else ""
    summary = grid("left", "left")
    summary.add_row(Text("cluster", "bold"), f"{check.cluster}: {nodes}")
    where = f"{check.provider}, {check.subnet}" if check.subnet else check.provider
    summary.add_row(Text("provider", "bold"), where)
    summary.add_row(Text("storage", "bold"), check.storage)
    split = f"tp={engine.tp} pp={engine.pp}" + (f" dp={engine.dp}" if engine.dp > 1 else "")
    runs = f"{engine.name}: {engine.model}, {split}, dtype {engine.dtype}"
    summary.add_row(Text("engine", "bold"), runs)
    if check.looked_at:
        summary.add_row(Text("live", "bold"), f"{fold(check.looked_at)}: as the inventory says")
    return [summary, "", _nodes(check, wide=wide)]


def _nodes(check: CheckResult, *, wide: bool) -> Table:
    on_machines = any(node.host for node in check.nodes)
    with_image = not on_machines or any(node.image for node in check.nodes)
    columns = ["NODE", *(["HOST"] if on_machines else []), "ADDRESS", "SLOTS", "GPUS"]
    columns += (["IMAGE"] if with_image else []) + (["PYTHON"] if wide else [])
    rows = table(*columns, right=["SLOTS"], whole=["NODE", "HOST", "ADDRESS"])
    for node in check.nodes:
        values = {
            "NODE": node.name,
            "HOST": cell(node.host),
            "ADDRESS": node.address or ("by subnet" if node.host and check.subnet else NOTHING),
            "SLOTS": "spare" if node.is_spare else str(node.slots),
            "GPUS": cell(",".join(map(str, node.gpus))),
            "IMAGE": cell(node.image),
            "PYTHON": cell(node.python),
        }
        rows.add_row(*(values[column] for column in columns))
    return rows

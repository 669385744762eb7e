"""``fix``: the files of each node's package, and what could not be done."""

from __future__ import annotations

from rich.text import Text

from clusterkit.report.folding import fold
from clusterkit.report.tables import BAD, FAINT, GOOD, Block, Blocks, cell, grid, table
from clusterkit.results.fix import FixedFile, FixedNode, FixResult

_STYLES = {"original": "", "patched": GOOD, "changed": BAD, "nothing to patch": FAINT}


def fix_text(result: FixResult, *, wide: bool = False) -> Blocks:
    """A row for each file, nodes that are alike folded; ``wide`` adds lines, and folds nothing."""
    columns = ["NODES", "VERSION", "FILE", "STATE", "GPUS"] + (["LINES"] if wide else [])
    rows = table(*columns, right=["GPUS"], whole=["NODES", "STATE"])
    alike: dict[object, list[FixedNode]] = {}
    for node in result.nodes:
        key = (node.node if wide else None, node.version, node.files)
        alike.setdefault(key, []).append(node)
    for group in alike.values():
        for file in group[0].files:
            rows.add_row(
                fold(node.node for node in group),
                cell(group[0].version),
                file.path,
                Text(file.state, _STYLES[file.state]),
                cell(None if file.gpus_per_node is None else str(file.gpus_per_node)),
                *([_lines(file)] if wide else []),
            )
    blocks: list[Block] = [rows] if rows.row_count else []
    wrong = grid("left", "left")
    for why in dict.fromkeys(node.error or node.note for node in result.nodes):
        if why:
            who = [node for node in result.nodes if why in (node.error, node.note)]
            mark = Text("! ", BAD) if who[0].error else Text("note ", FAINT)
            wrong.add_row(Text.assemble(mark, fold(node.node for node in who)), why)
    if wrong.row_count:
        blocks += ["", wrong] if blocks else [wrong]
    return blocks


def _lines(file: FixedFile) -> str:
    return ", ".join(map(str, file.lines)) or "-"

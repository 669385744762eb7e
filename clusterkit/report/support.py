"""``support``: what is in the bundle, to be read before it is handed on."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import duration, size
from clusterkit.report.tables import BAD, GOOD, Block, Blocks, grid, table
from clusterkit.results.support import SupportResult


def support_text(support: SupportResult, *, wide: bool = False) -> Blocks:
    """The file, a row for each part, what is missing; ``wide`` adds what is masked."""
    line = Text.assemble(
        (f"Wrote {support.file}", GOOD),
        f" ({size(support.size_bytes)}) in {duration(support.took_s)}. "
        "Look into it before you hand it on.",
    )
    rows = table("FILE", "SIZE", "WHAT", right=["SIZE"], whole=["FILE"])
    for file in support.files:
        rows.add_row(file.name, size(file.size_bytes), file.what)
    blocks: list[Block] = [line, "", rows]
    if support.missing:
        wrong = grid("left", "left")
        for part in support.missing:
            wrong.add_row(Text(f"! {part.name}", BAD), part.why)
        blocks += ["", "Not collected:", wrong]
    if wide:
        blocks += ["", "Masked:", *(f"  - {what}" for what in support.masked)]
    return blocks

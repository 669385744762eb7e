"""``import``."""

from __future__ import annotations

from clusterkit.quantities import counted
from clusterkit.report.tables import Blocks
from clusterkit.results.import_ import ImportResult


def import_text(made: ImportResult, *, wide: bool = False) -> Blocks:
    """The inventory itself, or where it lies and what comes next."""
    del wide
    if made.path is None:
        return [made.inventory.rstrip("\n")]
    return [
        f"Wrote {made.path}: cluster {made.cluster}, {counted(len(made.nodes), 'node')}.",
        f"Next: clusterkit up {made.path}",
    ]

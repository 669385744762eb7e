"""``init``."""

from __future__ import annotations

from clusterkit.report.tables import Blocks
from clusterkit.results.init import InitResult


def init_text(made: InitResult, *, wide: bool = False) -> Blocks:
    """Where the inventory lies, and what comes next."""
    del wide
    return [
        f"Wrote {made.path}: cluster {made.cluster}, provider {made.provider}.",
        f"Next: {made.next}",
    ]

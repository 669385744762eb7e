"""``init``."""

from __future__ import annotations

from clusterkit.report.tables import Blocks
from clusterkit.results.init import InitResult


def init_text(made: InitResult, *, wide: bool = False) -> Blocks:
    """Where the inventory lies, and what comes next."""
    del wide
    edit = f"correct `{made.edit}` there, then " if made.edit else ""
    return [
        f"Wrote {made.path}: cluster {made.cluster}, provider {made.provider}.",
        f"Next: {edit}{made.next}",
    ]

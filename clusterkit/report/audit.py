"""``audit``: one line for each verb that changed something, the newest last."""

from __future__ import annotations

from typing import Any

from rich.text import Text

from clusterkit.quantities import duration
from clusterkit.report.tables import BAD, GOOD, Block, Blocks, cell, table
from clusterkit.results.audit import AuditEntry, AuditResult

_STYLES = {"done": GOOD, "failed": BAD, "interrupted": "yellow"}


def audit_text(audit: AuditResult, *, wide: bool = False) -> Blocks:
    """A table; ``wide`` adds pid and version."""
    notes: list[Block] = []
    if audit.unheard:
        first = audit.unheard.partition("\n")[0]
        notes = [f"Only what was noted on this machine: {first}"]
    if not audit.entries:
        return [f"Nothing was noted of cluster {audit.cluster}.", *notes]
    columns = ["WHEN (UTC)", "WHO", "VERB", "OUTCOME", "TOOK", "OPTIONS"]
    if wide:
        columns += ["PID", "VERSION"]
    whole = ["WHEN (UTC)", "WHO", "VERB", "OUTCOME"]
    rows = table(*columns, right=["TOOK"], whole=whole)
    for entry in audit.entries:
        rows.add_row(
            entry.at[:19].replace("T", " "),
            f"{entry.user}@{entry.host}",
            entry.verb,
            Text(_outcome(entry), _STYLES.get(entry.outcome, "")),
            duration(entry.took_s),
            cell(" ".join(f"{name}={_shown(value)}" for name, value in entry.options.items())),
            *([str(entry.pid), entry.version] if wide else []),
        )
    return [rows, *notes]


def _outcome(entry: AuditEntry) -> str:
    return f"failed ({entry.exit_code})" if entry.outcome == "failed" else entry.outcome


def _shown(value: Any) -> str:
    return "yes" if value is True else str(value)

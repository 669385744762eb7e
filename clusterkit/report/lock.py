"""``lock``: who holds it, since when, and what may be done about it."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import duration
from clusterkit.report.tables import BAD, GOOD, Blocks, grid
from clusterkit.results.lock import LockHolder, LockResult

_STYLES = {"living": GOOD, "silent": "yellow", "dead": BAD}


def lock_text(lock: LockResult, *, wide: bool = False) -> Blocks:
    """One line each; ``wide`` adds where the lock lies."""
    where = [f"It lies at {lock.where}."] if wide else []
    if lock.holder is None:
        return [f"Nobody holds the lock of cluster {lock.cluster}.", *where]
    if lock.released:
        who = f"{lock.holder.user}@{lock.holder.host} (pid {lock.holder.pid})"
        return [f"The lock of cluster {lock.cluster} was taken from {who}.", *where]
    rows = grid("left", "left", indent=2)
    for what, value in _rows(lock.holder):
        rows.add_row("", what, value)
    return [f"Cluster {lock.cluster} is locked:", rows, *where]


def _rows(holder: LockHolder) -> list[tuple[str, str | Text]]:
    expires = "never" if holder.expires_in_s is None else f"in {duration(holder.expires_in_s)}"
    return [
        ("holder", f"{holder.user}@{holder.host}, pid {holder.pid}"),
        ("verb", holder.verb),
        ("since", holder.since),
        ("heard", f"{duration(holder.heard_s_ago)} ago"),
        ("expires", expires if holder.life == "living" else "now: the next verb takes over"),
        ("life", Text(holder.life, _STYLES[holder.life])),
    ]

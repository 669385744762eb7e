"""What the logs of ranks say that end without a word of their own, with cause and fix.

What Python sees, the ranks explain themselves (payloads/compiled_errors.py).
"""

from __future__ import annotations

import re

_KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"Watchdog caught collective operation timeout",
        "a rank waited too long for another, which had failed or still compiled. Fix: see which "
        "rank's log ends first",
    ),
    (
        r"libnccl\.so[^\s:]*: cannot open shared object",
        "TensorRT looks for NCCL by a name that its node does not have. Fix: install "
        "nvidia-nccl-cu12 or -cu13 beside PyTorch there, or collectives: pytorch before 2.12",
    ),
    (
        r"Cannot auto-select a group",
        "TensorRT found several NCCL groups in one process, and took none. Fix: dp 1, or "
        "`backend: inductor`",
    ),
)


def explain(log: str) -> str | None:
    """Cause and fix, where the log has one of the known lines."""
    return next((words for pattern, words in _KNOWN if re.search(pattern, log)), None)

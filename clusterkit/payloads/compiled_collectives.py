"""Which collectives a compiled, split model uses."""

from __future__ import annotations

from typing import Any


def choose_collectives(request: dict[str, Any]) -> None:
    """Prepare the ones asked for, before torch is imported."""


def active_collectives(request: dict[str, Any]) -> str | None:
    """Which are in use; None: nothing is split."""
    return "pytorch" if request["tp"] > 1 else None

"""What a launcher is: any class with this method."""

from __future__ import annotations

from typing import Protocol

from clusterkit.command import Command
from clusterkit.placement import Placement


class Launcher(Protocol):
    """Pure: it says what starts every rank in its place. It starts nothing."""

    def command(
        self, placement: Placement, rank_argv: tuple[str, ...], *, rsh: tuple[str, ...] | None
    ) -> Command:
        """Start ``rank_argv`` as every rank; ``rsh`` starts a daemon on another node."""

"""A printer that keeps results, so that the answers of several verbs become one."""

from __future__ import annotations

from typing import Any

from clusterkit.model.base import Model
from clusterkit.report.console import Printer


class Collected(Printer):
    """Shows messages and progress as always; ``results`` are what would have been printed."""

    def __init__(self) -> None:
        super().__init__("json")
        self.results: list[dict[str, Any]] = []

    def result(self, result: Model) -> None:
        """Keep what a verb answers."""
        self.results.append(result.model_dump(mode="json"))

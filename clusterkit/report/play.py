"""A playbook that was played."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clusterkit.report.tables import Blocks
    from clusterkit.results.play import PlayResult


def play_text(played: PlayResult, *, wide: bool = False) -> Blocks:  # noqa: ARG001 - as all views
    """The verbs in order: what each answered was shown as it came."""
    return [f"- {step.verb}" for step in played.steps]

"""Make the nodes match the tasks of each stage: look, plan, apply, look again; many at once."""

from __future__ import annotations

from clusterkit.executor.converge import UNREACHABLE, Outcome, Performer, converge, from_scratch
from clusterkit.executor.many import MAX_WORKERS, on_each, raise_failures
from clusterkit.executor.preview import preview

__all__ = [
    "MAX_WORKERS",
    "UNREACHABLE",
    "Outcome",
    "Performer",
    "converge",
    "from_scratch",
    "on_each",
    "preview",
    "raise_failures",
]

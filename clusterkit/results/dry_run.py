"""What ``--dry-run`` prints: every step that would run, in order."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from clusterkit.command import Step
from clusterkit.model.base import Model
from clusterkit.results.plan import Kind


class DryStep(Model):
    """One step that would run."""

    node: str
    stage: str
    kind: Kind
    summary: str
    argv: tuple[str, ...] = Field(
        description="A command's words; the path of a put; operation and name of a Docker call"
    )
    env: dict[str, str] = Field(default_factory=dict, description="Secrets read ***")


class DryRun(Model):
    """What a verb would do, from the inventory alone. Nothing was looked at or run."""

    verb: str
    steps: tuple[DryStep, ...]

    @classmethod
    def of(cls, verb: str, steps: Iterable[Step]) -> DryRun:
        """The dry run of ``verb`` that would apply ``steps``."""
        return cls(verb=verb, steps=tuple(DryStep(**step.as_json()) for step in steps))

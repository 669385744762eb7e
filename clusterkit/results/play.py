"""What ``play`` answers: what each verb answered."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from clusterkit.model.base import Model


class PlayedStep(Model):
    """One verb of the playbook."""

    verb: str
    results: tuple[dict[str, Any], ...] = Field(
        description="As the verb's own JSON, in order; most verbs have one"
    )


class PlayResult(Model):
    """A playbook, played to its end."""

    inputs: dict[str, str | int | bool] = Field(
        default_factory=dict, description="The values of its inputs"
    )
    steps: tuple[PlayedStep, ...]

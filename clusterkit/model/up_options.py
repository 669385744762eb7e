"""The options of ``up`` and ``plan``."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from clusterkit.model.base import Model
from clusterkit.model.mistakes import mistake


class UpOptions(Model):
    """Make the cluster that an inventory describes."""

    file: Path | None = Field(
        default=None, description="The inventory", examples=["inventory.yaml"]
    )
    resume: bool = Field(
        default=False, description="Go on with the `up` that was interrupted; it knows its file"
    )
    from_plan: Path | None = Field(
        default=None, description="Apply exactly the plan in this file", examples=["plan.json"]
    )
    yes: bool = Field(default=False, description="Apply the plan without asking")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.file is not None) + (self.from_plan is not None) + self.resume != 1:
            fix = "give `file`, `resume` or `from_plan`"
            raise mistake("one thing says what to make", fix)
        return self


class PlanOptions(Model):
    """Look at the machines and print what `up` would change."""

    file: Path = Field(description="The inventory", examples=["inventory.yaml"])
    exit_code: bool = Field(default=False, description="Exit with 6 when changes are pending")
    out: Path | None = Field(
        default=None, description="Write the plan to this file", examples=["plan.json"]
    )

"""The options that verbs which run a job have in common."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from clusterkit.model.base import Model
from clusterkit.model.mistakes import mistake

Timeout = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A time limit in seconds."""

StallTimeout = Annotated[
    Timeout | None,
    Field(
        description="End the job when no rank has written anything for so many seconds",
        examples=[120],
    ),
]


class DetachOptions(Model):
    """A job that goes on without the terminal that started it."""

    detach: bool = Field(default=False, description="Return once it runs; the job goes on")
    restart: int = Field(
        default=0,
        ge=0,
        description="How often a detached job that failed is run again, in place",
        examples=[2],
    )

    @model_validator(mode="after")
    def _check_restart(self) -> Self:
        if self.restart and not self.detach:
            fix = "add `detach`; a job that you wait for can be run again by hand"
            raise mistake("`restart` is for a job that is detached", fix)
        return self


class RetryOptions(DetachOptions):
    """A job that may be tried again with a spare in the place of a node that is lost."""

    retries: int = Field(
        default=0,
        ge=0,
        description="How often it is tried again, with spares in the places of lost nodes",
        examples=[1],
    )

    @model_validator(mode="after")
    def _check_retries(self) -> Self:
        if self.retries and self.detach:
            fix = "take one of them out; `restart` runs a detached job again, on the same nodes"
            raise mistake("`retries` needs somebody who waits, and `detach` does not", fix)
        return self

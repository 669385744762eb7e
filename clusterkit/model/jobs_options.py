"""The options of ``jobs``, ``attach``, ``logs`` and ``stop``."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from clusterkit.model.base import Model
from clusterkit.model.mistakes import mistake


class JobsOptions(Model):
    """List the jobs of the cluster, or show one."""

    action: Literal["ls", "show"] = Field(
        default="ls", description="ls or show", examples=["show"]
    )
    job: str | None = Field(
        default=None, min_length=1, description="For show; default: the last", examples=["run-1"]
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.action == "ls" and self.job is not None:
            raise mistake("`ls` lists all jobs", "use `show` for one")
        return self


class AttachOptions(Model):
    """Show a job's output and result, from its beginning to its end."""

    job: str | None = Field(
        default=None, min_length=1, description="The job; default: the last that runs"
    )


class LogsOptions(Model):
    """Show what a job's ranks wrote."""

    job: str | None = Field(default=None, min_length=1, description="The job; default: the last")
    rank: int | None = Field(default=None, ge=0, description="Only this rank", examples=[0])
    follow: bool = Field(default=False, description="Go on until the job ends")


class StopOptions(Model):
    """End a job on every node."""

    job: str | None = Field(
        default=None, min_length=1, description="The job; default: the one that runs"
    )
    now: bool = Field(default=False, description="Kill its ranks; a server drains no requests")

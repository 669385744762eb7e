"""The options of ``mpi-hello`` and ``run``: what starts ranks of no engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from clusterkit.model.base import Model
from clusterkit.model.container import NodePath
from clusterkit.model.infer_options import LauncherName, one_or_more
from clusterkit.model.job_options import RetryOptions, StallTimeout, Timeout
from clusterkit.model.mistakes import mistake


def passed_on(word: str) -> str:
    """``word``, if a program can be given it."""
    if "\0" in word:
        raise mistake("has a NUL character, which no program can be given", "leave it out")
    return word


def a_file(path: object) -> object:
    """``path``, unless it is empty, which as a path is the folder one is in."""
    if path == "":
        raise mistake("it is empty", "give the path of a file")
    return path


class HelloOptions(Model):
    """Let every rank report where it runs."""

    ranks: int | None = Field(
        default=None, ge=1, description="How many ranks; default: one for each slot", examples=[4]
    )
    timeout_s: Timeout = Field(default=60.0, description="End the job after this many seconds")


class RunOptions(RetryOptions):
    """Run a Python script of your own as ranks of one job."""

    script: Annotated[Path, BeforeValidator(a_file)] = Field(
        description="A file here, which travels with the job, or a path on the nodes",
        examples=["train.py"],
    )
    args: tuple[Annotated[str, AfterValidator(passed_on)], ...] = Field(
        default=(), description="What the script is given", examples=[["--steps", "10"]]
    )
    launcher: LauncherName = Field(
        default="mpirun", description="What starts the ranks", examples=["torchrun"]
    )
    files: Annotated[tuple[Path, ...], BeforeValidator(one_or_more)] = Field(
        default=(),
        description="Files that travel beside the script, such as its modules",
        examples=[["model.py"]],
    )
    chdir: NodePath | None = Field(
        default=None,
        description="Run in this folder of the nodes; default: one that goes with it",
        examples=["/shared/results"],
    )
    nodes: str = Field(
        default="@all", min_length=1, description="Some nodes only", examples=["node[1-2]"]
    )
    ranks: int | None = Field(
        default=None, ge=1, description="How many ranks; default: one for each slot", examples=[4]
    )
    per_node: int | None = Field(
        default=None, ge=1, description="So many ranks on each node", examples=[2]
    )
    timeout_s: Timeout | None = Field(
        default=None, description="End the job after this many seconds", examples=[600]
    )
    stall_timeout_s: StallTimeout = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ranks is not None and self.per_node is not None:
            raise mistake("`ranks` and `per_node` both say how many", "leave one of them out")
        return self

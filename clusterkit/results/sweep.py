"""What ``sweep`` answers: what crashed runs left behind, what was removed, and what stays."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model

What = Literal[
    "process",
    "files",
    "shared-memory",
    "unfinished",
    "container",
    "network",
    "volume",
    "lock",
    "state",
]


class Leftover(Model):
    """One thing of ours that nobody has any more."""

    node: str = Field(description="Where it is; localhost: this machine, or its Docker engine")
    kind: What = Field(description="unfinished: work of a build or a push that was broken off")
    what: str = Field(description="The process, the path, or the name")
    why: str = Field(description="What shows that nobody has it any more")
    remove_with: str = Field(description="A command that removes it, on that node")


class Spared(Model):
    """Something that looks like ours and is not touched."""

    node: str
    what: str
    why: str


class Unseen(Model):
    """A place that could not be looked at."""

    node: str
    why: str
    is_node: bool = Field(default=False, description="A node of the cluster that was asked for")


class SweepResult(Model):
    """What was found, and what became of it; before the question nothing is removed or left."""

    found: tuple[Leftover, ...] = ()
    removed: tuple[Leftover, ...] = ()
    left: tuple[Leftover, ...] = Field(
        default=(), description="What should be gone and is not, seen by another look"
    )
    spared: tuple[Spared, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    took_s: float = Field(description="Seconds")

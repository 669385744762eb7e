"""What ``plan``, ``up`` and ``down`` answer: the steps, and what needs none."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.command import Step
from clusterkit.model.base import Model
from clusterkit.results.spares import Replaced

Sign = Literal["+", "~", "-"]
Kind = Literal["command", "put", "docker"]


class PlannedStep(Model):
    """One change on one node."""

    node: str
    stage: str = Field(description="Stage of the plan")
    kind: Kind = Field(description="A command, a file to put, or a call to the Docker API")
    sign: Sign = Field(default="~", description="+ makes something, ~ changes it, - removes it")
    summary: str

    @classmethod
    def of(cls, step: Step) -> PlannedStep:
        """The public part of ``step``."""
        return cls(
            node=step.node,
            stage=step.stage,
            kind=step.as_json()["kind"],
            sign=step.sign,
            summary=step.summary,
        )


class AppliedStep(PlannedStep):
    """One change that was made."""

    took_s: float = Field(description="Seconds")


class Settled(Model):
    """Something that is already so."""

    node: str
    stage: str
    summary: str = Field(description="Why nothing is to be done")


class PlanResult(Model):
    """The difference between the inventory and what is there. Nothing was changed."""

    cluster: str
    changes: int = Field(description="How many steps; 0: everything is as the inventory says")
    steps: tuple[PlannedStep, ...] = ()
    settled: tuple[Settled, ...] = ()
    unknown: tuple[str, ...] = Field(
        default=(),
        description="What cannot be known yet",
        examples=[["node1: trust <known after nodes>"]],
    )


class Resumed(Model):
    """What an ``up`` had done that was gone on with."""

    began_at: str = Field(description="ISO 8601, UTC")
    outcome: str = Field(description="done, failed, interrupted, or killed: nobody wrote its end")
    applied: tuple[PlannedStep, ...] = ()
    unfinished: tuple[PlannedStep, ...] = Field(
        default=(), description="Steps that were begun and not seen to end"
    )


class UpResult(Model):
    """What ``up`` changed, after looking again showed no difference."""

    cluster: str
    changes: int = Field(description="How many steps were applied; 0: it was already so")
    steps: tuple[AppliedStep, ...] = ()
    nodes: tuple[str, ...] = Field(
        default=(), description="All nodes with ranks; the first is the head"
    )
    slots: int = Field(default=0, description="Slots of all nodes together")
    spares: tuple[str, ...] = Field(default=(), description="Nodes that wait for a place")
    replaced: tuple[Replaced, ...] = Field(
        default=(),
        description="Nodes that could not be brought up, and the spares in their places",
    )
    left_out: dict[str, str] = Field(
        default_factory=dict, description="Spares that could not be brought up, and why"
    )
    left: tuple[str, ...] = Field(
        default=(),
        description="Former nodes that could not be cleaned; every later up or down tries again",
    )
    resumed: Resumed | None = Field(default=None, description="With `--resume`: what was done")
    took_s: float = Field(description="Seconds")


class Kept(Model):
    """Something that ``down`` leaves in place on purpose."""

    node: str
    what: str = Field(description="For example the path of a folder that the inventory binds")
    why: str
    size_bytes: int | None = None
    remove_with: str | None = Field(default=None, description="A command that removes it")


class DownResult(Model):
    """What ``down`` removed, and what a second look found afterwards."""

    cluster: str
    changes: int = Field(description="How many steps were applied; 0: nothing was there")
    removed: tuple[AppliedStep, ...] = ()
    left: tuple[str, ...] = Field(default=(), description="What should be gone and is not")
    kept: tuple[Kept, ...] = Field(default=(), description="What stays by design")
    took_s: float = Field(description="Seconds")

"""What ``doctor`` answers: a line for everything that it looked at."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model

LineState = Literal["pass", "warn", "fail", "skip"]


class DoctorLine(Model):
    """One thing that was looked at, on some nodes."""

    check: str = Field(description="The check's name", examples=["clock"])
    looks_at: str = Field(description="What was looked at, in words", examples=["clocks"])
    state: LineState = Field(description="skip: it could not be looked at, or there is none")
    nodes: tuple[str, ...] = Field(description="Where")
    seen: str = Field(description="What was seen there")
    fix: str | None = Field(default=None, description="What mends it; lines to run, or words")


class DoctorResult(Model):
    """The preflight of a cluster."""

    cluster: str
    ok: bool = Field(description="Whether nothing fails; warnings and skips are no failures")
    nodes: tuple[str, ...] = Field(description="Those that were asked")
    lines: tuple[DoctorLine, ...]
    gated: bool = Field(
        default=False, description="Whether a failure here holds `build` and `infer` back"
    )
    at: str = Field(description="When, as ISO 8601", examples=["2026-11-20T09:30:00+00:00"])
    took_s: float = Field(description="Seconds")

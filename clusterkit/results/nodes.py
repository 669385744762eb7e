"""What ``exec`` and ``cp`` answer, node by node."""

from __future__ import annotations

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.results.output import NO_TEXT, OutputText


class NodeOutput(Model):
    """What a command left behind on one node."""

    node: str
    exit_code: int | None = Field(description="Null: there is none, and error says why")
    stdout: OutputText = NO_TEXT
    stderr: OutputText = NO_TEXT
    error: str | None = Field(default=None, description="Why the node could not be asked")


class ExecResult(Model):
    """One command on several nodes."""

    nodes: tuple[NodeOutput, ...]
    took_s: float = Field(description="Seconds")


class Copy(Model):
    """One file or folder that was copied."""

    node: str
    source: str
    target: str
    size_bytes: int


class CpResult(Model):
    """What was copied to or from nodes."""

    copies: tuple[Copy, ...]
    took_s: float = Field(description="Seconds")

"""What ``audit`` answers: who did what to a cluster, when, and from where."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from clusterkit.model.base import Model


class AuditEntry(Model):
    """One verb that changed something, or tried to."""

    id: str
    at: str = Field(description="When it began: ISO 8601, UTC, by the clock of who ran it")
    user: str
    host: str = Field(description="The machine on which it was typed")
    pid: int
    cluster: str
    verb: str
    options: dict[str, Any] = Field(
        default={}, description="As they were given; what is not public reads ***"
    )
    outcome: str = Field(description="done, failed or interrupted")
    exit_code: int
    took_s: float = Field(description="Seconds")
    version: str = Field(description="Of clusterkit")


class AuditResult(Model):
    """The record of a cluster, the newest entry last."""

    cluster: str
    entries: tuple[AuditEntry, ...] = ()
    unheard: str | None = Field(
        default=None,
        description="Why the cluster's own record was not read; these are then the entries of "
        "this machine",
    )

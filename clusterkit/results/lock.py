"""What ``lock`` answers: who holds the cluster's lock, and for how long that is believed."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model


class LockHolder(Model):
    """The process that holds the lock, as it wrote itself; ``unknown`` where that is damaged."""

    user: str
    host: str
    pid: str
    verb: str
    since: str = Field(description="ISO 8601, UTC, by the holder's clock")
    life: Literal["living", "silent", "dead"] = Field(
        description="silent: without a sign of life for longer than it had said; dead: seen to be "
        "gone. The next verb takes over from both"
    )
    heard_s_ago: float = Field(description="Seconds since the last sign of life")
    expires_in_s: float | None = Field(
        default=None, description="Seconds until it counts as silent; null: it never does"
    )


class LockResult(Model):
    """The lock of a cluster."""

    cluster: str
    where: str = Field(description="Where the lock lies, or would lie")
    holder: LockHolder | None = Field(default=None, description="Null: nobody holds it")
    released: bool = Field(default=False, description="Whether it was taken from that holder")

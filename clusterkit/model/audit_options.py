"""The options of ``audit``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pydantic import Field, field_validator

from clusterkit.model.base import Model
from clusterkit.model.mistakes import mistake, shown

_SPAN = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class AuditOptions(Model):
    """Show who did what to the cluster, when and from where."""

    last: int = Field(default=50, ge=0, description="At most so many, the newest; 0: all")
    since: str | None = Field(
        default=None, description="Not before this: a time, or how long ago", examples=["2h"]
    )

    @field_validator("since")
    @classmethod
    def _check(cls, since: str | None) -> str | None:
        if since is not None and since_time(since, datetime.now(UTC)) is None:
            what = f"{shown(since)} is no time"
            raise mistake(what, "write how long ago (30m, 2h, 7d), or 2026-11-20T15:00")
        return since


def since_time(since: str, now: datetime) -> datetime | None:
    """The moment that is meant; a time without a zone is one of UTC. None: none is meant."""
    if found := _SPAN.fullmatch(since):
        return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
    try:
        moment = datetime.fromisoformat(since)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

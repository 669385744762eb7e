"""One job as it is on file, and as its supervisor sees it now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from clusterkit.jobs.job import EXIT_CODES
from clusterkit.results.jobs import JobAttempt, JobCause, JobShown, ShownNode, ShownRank


def job_shown(cluster: str, shown: Mapping[str, Any]) -> JobShown:
    """What the head answered to ``show``, as a result."""
    state, seen = shown["state"], shown["seen"] or {"nodes": {}, "ranks": {}}
    ended_at = state["ended_at"]
    return JobShown(
        cluster=cluster,
        id=state["id"],
        verb=state["verb"],
        state=state["state"],
        owner=state.get("owner", "controller"),
        started_at=as_time(state["started_at"]),
        ended_at=as_time(ended_at) if ended_at else None,
        took_s=max(0.0, (ended_at or shown["now"]) - state["started_at"]),  # clocks are set
        message=state["message"],
        cause=as_cause(state.get("cause")),
        exit_code=EXIT_CODES.get(state["state"]),
        nodes=tuple(
            ShownNode(name=node["name"], heard_s=seen["nodes"].get(node["name"]))
            for node in state["nodes"]
        ),
        ranks=tuple(
            _rank(rank, seen["ranks"].get(str(rank["rank"])), shown, is_over=ended_at is not None)
            for rank in state["ranks"]
        ),
        attempts=tuple(_attempt(row) for row in state.get("attempts", ())),
        supervisor_pid=state["supervisor"]["pid"],
        logs=shown["logs"],
        launcher_lines=tuple(shown["last_lines"]["launcher"]),
    )


def as_time(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601, UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def as_cause(cause: Mapping[str, Any] | None) -> JobCause | None:
    """A cause as the supervisor wrote it down."""
    return JobCause(**cause) if cause else None


def _rank(
    rank: Mapping[str, Any],
    seen: Mapping[str, Any] | None,
    shown: Mapping[str, Any],
    *,
    is_over: bool,
) -> ShownRank:
    has_ended = rank["exit_code"] is not None or rank["signal"] is not None
    is_waiting = rank["pid"] is None
    lives: Literal["running", "lost"] = "lost" if is_over else "running"
    return ShownRank(
        rank=rank["rank"],
        node=rank["node"],
        pid=rank["pid"],
        state="ended" if has_ended else "waiting" if is_waiting else lives,
        process=seen["process"] if seen and not has_ended else None,
        exit_code=rank["exit_code"],
        signal=rank["signal"],
        last_lines=tuple(shown["last_lines"][f"rank-{rank['rank']}"]),
    )


def _attempt(row: Mapping[str, Any]) -> JobAttempt:
    return JobAttempt(
        outcome=row["outcome"],
        message=row["message"],
        cause=as_cause(row["cause"]),
        started_at=as_time(row["started_at"]),
        ended_at=as_time(row["ended_at"]),
    )

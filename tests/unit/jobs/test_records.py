"""Jobs on file, by their names."""

from __future__ import annotations

import pytest

from clusterkit.errors import UsageError
from clusterkit.jobs.records import JobRow, find_job

ROWS = tuple(
    JobRow(f"run-{number}", "run", "done", 0.0, 1.0, 1, ("node1",)) for number in range(7)
)


def test_a_job_that_is_none_is_told_with_the_newest_there_are():
    with pytest.raises(UsageError) as few:
        find_job("x", ROWS[:2])
    with pytest.raises(UsageError) as many:
        find_job("x", ROWS)

    assert str(few.value) == "no job x on this cluster. Fix: use one of these: run-0, run-1"
    assert str(many.value) == (
        "no job x on this cluster. Fix: use one of these: run-0, run-1, run-2, run-3, run-4, "
        "or an older one of `clusterkit jobs`"
    )
    assert find_job("run-6", ROWS) is ROWS[6]


@pytest.mark.parametrize(
    ("kind", "message", "why"),
    [
        ("exit-code", "… exited with 1\nTraceback\nX: no\n", "… exited with 1: X: no"),
        ("exit-code", "… exited with 1", "… exited with 1"),
        ("signal", "… was ended by SIGKILL\nready", "… was ended by SIGKILL"),
        (None, None, "lost"),
    ],
)
def test_why_a_job_ended_in_one_line(kind: str | None, message: str | None, why: str) -> None:
    cause = {"kind": kind} if kind else None
    row = JobRow("serve-1", "serve", "lost", 0.0, 1.0, 1, ("node1",), message, cause=cause)

    assert row.why == why

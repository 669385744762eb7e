"""What the last look at the nodes makes of the end of a job."""

from __future__ import annotations

import pytest

from clusterkit.jobs.look import Seen
from clusterkit.jobs.run import ended

LEFT = Seen("node2", left=("sleep 9 (pid 7). To remove it there: `kill -9 7`",))
SILENT = Seen("node2", error="no route")


@pytest.mark.parametrize(
    ("outcome", "seen", "code"),
    [
        ("done", Seen("node2"), 0),
        ("done", LEFT, 1),
        ("done", SILENT, 1),
        ("interrupted", Seen("node2"), 130),
        ("interrupted", LEFT, 1),
        ("interrupted", SILENT, 130),
        ("timed-out", LEFT, 1),
        ("timed-out", SILENT, 124),
        ("failed", LEFT, 1),
    ],
)
def test_what_is_seen_to_be_left_decides_the_exit_code(outcome, seen, code):
    end = {"outcome": outcome, "message": outcome, "ranks": []}
    assert ended("job", end, [Seen("node1"), seen], lambda _: None, took_s=0).exit_code == code


def test_what_is_left_is_named_with_what_removes_it():
    end = {"outcome": "interrupted", "message": "interrupted", "ranks": []}
    job = ended("job", end, [LEFT], lambda _: None, took_s=0)
    assert job.message == (
        "interrupted\nnode2: still there: sleep 9 (pid 7). To remove it there: `kill -9 7`"
    )

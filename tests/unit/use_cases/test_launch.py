from __future__ import annotations

import pytest

from clusterkit.jobs import JobEnd
from clusterkit.use_cases.launch import _why

FAILED = "rank 1 on node2 exited with 3\nlast line"


@pytest.mark.parametrize(
    ("outcome", "message", "words"),
    [
        ("failed", FAILED, f"job j: {FAILED}\nFix: see `clusterkit logs j`"),
        ("failed", "blocked. Fix: open it", "job j: blocked. Fix: open it"),
        ("interrupted", "interrupted", "job j: interrupted"),
        (
            "timed-out",
            "ended after its time limit of 2 s",
            "job j: ended after its time limit of 2 s\n"
            "Fix: give it longer with `--timeout`, or see `clusterkit logs j`",
        ),
    ],
)
def test_how_a_job_ended_and_what_to_do(outcome, message, words):
    end = JobEnd(job="j", outcome=outcome, message=message, exit_code=1, ranks=())

    assert _why(end) == words

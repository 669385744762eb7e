"""When a detached job is run again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from clusterkit.payloads.restart import may_restart

JOB = {"restarts": 2}
CLEAN = SimpleNamespace(gone=True, left=[])


def may(outcome: str = "failed", *, links: tuple[Any, ...] = (CLEAN,), **changes: Any) -> bool:
    state = {"owner": "supervisor", "attempts": [{}], **changes}
    return may_restart(state, JOB, outcome, links)


def test_one_that_failed_and_came_out_clean_is() -> None:
    assert may()
    assert may("stalled")
    assert may("lost")  # an agent was, and its node was swept


@pytest.mark.parametrize("outcome", ["done", "stopped", "interrupted", "timed-out"])
def test_one_that_was_ended_is_not(outcome: str) -> None:
    assert not may(outcome)


def test_not_more_often_than_asked() -> None:
    assert not may(attempts=[{}, {}])


def test_not_one_that_somebody_waits_for() -> None:
    assert not may(owner="controller")


def test_not_where_anything_is_left_or_was_not_seen() -> None:
    assert not may(links=(CLEAN, SimpleNamespace(gone=True, left=["sleep 7 (pid 8)"])))
    assert not may(links=(CLEAN, SimpleNamespace(gone=False, left=[])))

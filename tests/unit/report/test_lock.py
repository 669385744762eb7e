"""How ``lock`` reads."""

from __future__ import annotations

import pytest

from clusterkit.results.lock import LockHolder, LockResult
from tests.unit.report.streams import shown, text

ANN = LockHolder(
    user="ann",
    host="laptop",
    pid="4711",
    verb="up",
    since="2026-11-20T15:37:46+00:00",
    life="living",
    heard_s_ago=4.14,
    expires_in_s=55.86,
)
HELD = LockResult(cluster="pair", where="volume x of the Docker engine", holder=ANN)


def test_who_holds_it_is_shown() -> None:
    assert shown(HELD, "wide") == text("""
        Cluster pair is locked:
          holder   ann@laptop, pid 4711
          verb     up
          since    2026-11-20T15:37:46+00:00
          heard    4.1 s ago
          expires  in 55.9 s
          life     living
        It lies at volume x of the Docker engine.
    """)


@pytest.mark.parametrize(
    ("holder", "line"),
    [
        ({"expires_in_s": None}, "expires  never"),
        ({"life": "silent", "expires_in_s": 0}, "expires  now: the next verb takes over"),
    ],
)
def test_until_when_it_is_believed(holder: dict[str, object], line: str) -> None:
    held = HELD.model_copy(update={"holder": ANN.model_copy(update=holder)})
    assert f"  {line}\n" in shown(held)


def test_a_free_one_and_one_that_was_taken() -> None:
    free = HELD.model_copy(update={"holder": None})
    taken = HELD.model_copy(update={"released": True})
    assert shown(free) == "Nobody holds the lock of cluster pair.\n"
    assert shown(taken) == "The lock of cluster pair was taken from ann@laptop (pid 4711).\n"

"""What is told of a server while it makes ready, and when it answers."""

from __future__ import annotations

from typing import Any

import pytest

from clusterkit.events import Event, Note, RankAnswer
from clusterkit.use_cases.heard import Heard
from clusterkit.use_cases.serve_heard import ServeHeard


def told(*events: Event) -> tuple[list[Event], list[Any]]:
    """The notes, and what was said of the server as soon as it answered."""
    shown: list[Event] = []
    serving: list[Any] = []
    heard = ServeHeard(Heard(lambda _rank, _row: None, shown.append), serving.append)
    for event in events:
        heard(event)
    return [event for event in shown if isinstance(event, Note)], serving


@pytest.mark.parametrize(
    ("row", "note"),
    [
        ({"done": 3, "of": 9, "what": "batch 4"}, "making ready: 3 of 9, batch 4 is next"),
        ({"done": 9, "of": 9, "what": ""}, "making ready: 9 of 9"),
        (
            {"done": 0, "of": 0, "what": "not compiled: the ranks of a pipeline differ"},
            "not compiled: the ranks of a pipeline differ",
        ),
    ],
)
def test_rank_0_tells_how_far_it_is(row: dict[str, Any], note: str) -> None:
    warming = {"event": "warming", **row}
    assert told(RankAnswer(1, warming), RankAnswer(0, warming)) == ([Note(note)], [])


def test_the_first_answer_is_told_once() -> None:
    serving = {"event": "serving", "model": "m", "answer": " Paris", "took_s": 1.0}
    assert told(RankAnswer(0, serving), RankAnswer(0, serving)) == ([], [serving])

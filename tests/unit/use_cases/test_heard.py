from __future__ import annotations

from clusterkit.engines.transformers import Transformers
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import RankAnswer, RankEnded
from clusterkit.model.engine import EngineSettings
from clusterkit.use_cases.heard import Heard

ENDED = "job j: rank 0 on node1 ended"
TOO_LONG = {"event": "error", "message": "prompt 1 is too long. Fix: a shorter prompt"}


def heard(*events):
    """What is kept of these events; each is passed on."""
    passed = []
    listener = Heard(Transformers(EngineSettings()).parse, passed.append)
    for event in events:
        listener(event)
    assert passed == list(events)
    return listener


def explained(*events):
    error = heard(*events).explained(JobFailed(f"{ENDED}\nFix: see the logs", exit_code=7))
    return type(error), str(error), error.exit_code


def test_a_refused_request_is_the_users_to_mend():
    said = [RankAnswer(rank, TOO_LONG) for rank in (0, 1)]

    assert explained(*said, RankEnded(0, "node1", 2, None)) == (
        UsageError,
        "prompt 1 is too long. Fix: a shorter prompt",
        2,
    )


def test_any_other_end_is_told_with_what_the_ranks_said():
    assert explained(RankAnswer(1, TOO_LONG), RankEnded(1, "node2", 1, None)) == (
        JobFailed,
        f"{ENDED}\nprompt 1 is too long. Fix: a shorter prompt",
        7,
    )
    assert explained(RankAnswer(1, {"event": "error", "message": "out of memory"})) == (
        JobFailed,
        f"out of memory\n{ENDED}\nFix: see the logs",
        7,
    )


def test_ranks_that_said_nothing_change_nothing():
    assert explained(RankEnded(1, "node2", 2, None)) == (
        JobFailed,
        f"{ENDED}\nFix: see the logs",
        7,
    )

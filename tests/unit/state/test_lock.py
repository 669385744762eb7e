"""When a lock's holder is gone for sure, so that it may be taken."""

from __future__ import annotations

import os

import pytest

from clusterkit.state.lock import Holder, holder_of, is_dead, new_holder

GONE = {"pid": "4194304"}  # above all that Linux gives
ELSEWHERE = {"machine": "another", "boot": "another"}


@pytest.mark.parametrize(
    ("what", "changed", "dead"),
    [
        ("this process", {}, False),
        ("one that has ended", GONE, True),
        ("one whose number another process has now", {"started": "1"}, True),
        ("one of before this machine's start", {"boot": "earlier"}, True),
        ("one of a machine with our name", {**GONE, **ELSEWHERE}, False),
        ("one of a container with our name, on this machine", {"boot": "a", "machine": ""}, False),
        ("one of a machine with another name", {**GONE, "host": "other"}, False),
    ],
)
def test_a_holder_is_dead_only_if_it_was_a_process_here(
    what: str, changed: Holder, dead: bool
) -> None:
    assert is_dead(new_holder("up") | changed) is dead, what


def test_what_another_version_wrote_is_nobody_that_could_be_dead() -> None:
    ours = new_holder("up")
    older = f'{{"host": "{ours["host"]}", "pid": "{os.getpid()}", "started": "1"}}'

    assert [is_dead(holder_of(text)) for text in (older, "", "[]", "{}")] == [False] * 4

"""Runs a case: makes its fault, measures, looks what is left, and tries again."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from docker.errors import NotFound

from clusterkit.errors import ClusterkitError
from tests.faults.case import Case, Outcome
from tests.faults.leftovers import NOTHING
from tests.faults.room import Room

_STARTS_WITHIN_S = 120.0
_ENDS_WITHIN_S = 120.0
_AGAIN_WITHIN_S = 300.0


def run_case(room: Room, case: Case) -> Outcome:
    """What came of one case; the lab is as it was before, and after."""
    load = os.getloadavg()[0]
    outcome = Outcome(case, when=f"{datetime.now(UTC):%m-%d %H:%M}, load {load:.0f}")
    before = room.look()
    if case.first is not None:
        case.first(room)
    if case.moment is None:
        with _gone_with_its_cluster(room, case), case.breaks(room):
            room.verb = room.start(*case.words)
            room.fault_at = room.verb.began
            _finish(room, case, outcome)
    else:
        room.verb = room.start(*case.words)
        if room.verb.until(_moment(room, case), _STARTS_WITHIN_S):
            with _gone_with_its_cluster(room, case), case.breaks(room):
                _finish(room, case, outcome)
        else:
            outcome.code = room.verb.end(1)
            outcome.said = room.verb.text
            outcome.wrong.append(f"did not come to the moment: {outcome.said[-300:]!r}")
    outcome.left = room.left(NOTHING if case.is_gone else before, case.keeps)
    if outcome.left:
        outcome.wrong.append(f"{len(outcome.left)} left")
    _try_again(room, case, outcome)
    room.mended()
    return outcome


def _moment(room: Room, case: Case) -> Callable[[str], object]:
    """Whether the verb has come to where the fault is to be made; tokens are its answer."""
    verb, moment = room.verb, case.moment
    assert verb is not None
    if callable(moment):
        return lambda _: moment(room)
    pattern = re.compile(moment or "", re.DOTALL)
    is_answer = case.verb == "infer"
    return lambda text: pattern.search(verb.stdout if is_answer else text)


@contextlib.contextmanager
def _gone_with_its_cluster(room: Room, case: Case) -> Iterator[None]:
    """Where `down` has taken the cluster away, nothing is left to undo a fault in."""
    try:
        yield
    except (NotFound, ClusterkitError):
        if not (case.is_gone and room.is_gone):
            raise


def _finish(room: Room, case: Case, outcome: Outcome) -> None:
    """Wait for the message and for the end, and judge both."""
    verb = room.verb
    assert verb is not None
    outcome.code = verb.end(_ENDS_WITHIN_S)
    outcome.said = verb.text
    if outcome.code is None:
        outcome.wrong.append(f"still ran after {_ENDS_WITHIN_S:g} s")
    elif outcome.code not in case.codes:
        wanted = " or ".join(map(str, case.codes))
        outcome.wrong.append(f"exit {outcome.code}, and not {wanted}")
    if case.names is None:
        at = verb.ended
    else:
        pattern = re.compile(case.names, re.DOTALL)
        at = verb.first(pattern.search)
        if at is None:
            outcome.wrong.append(f"did not say /{case.names}/")
    if at is not None:
        outcome.took_s = max(0.0, at - room.fault_at)
        if outcome.took_s > case.within_s:
            outcome.wrong.append(f"after {outcome.took_s:.1f} s, not {case.within_s:g} s")
    if "Traceback (most recent" in outcome.said or "a fault of clusterkit itself" in outcome.said:
        outcome.wrong.append("a traceback, or a fault of clusterkit itself")


def _try_again(room: Room, case: Case, outcome: Outcome) -> None:
    """The same verb once more, now that the fault is gone."""
    second = case.second or (room.up_words if case.is_gone else case.words)
    began = time.monotonic()
    if callable(second):
        done = second(room)
    else:
        done = room.controller(*room.words(second), timeout_s=_AGAIN_WITHIN_S)
    took_s = time.monotonic() - began
    if done.returncode == 0:
        outcome.second = f"ok in {took_s:.1f} s"
    else:
        outcome.second = f"exit {done.returncode}"
        outcome.wrong.append(f"second try: {(done.stderr or done.stdout).strip()[-300:]!r}")

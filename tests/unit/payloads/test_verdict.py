"""Of several ends that are heard in any order, the cause is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path

import pytest

from clusterkit.payloads.causes import Cause, cause
from clusterkit.payloads.job_record import JobRecord
from clusterkit.payloads.verdict import Verdict

JOB = {
    "version": 1,
    "id": "j",
    "verb": "v",
    "cluster": "c",
    "nodes": [],
    "ranks": [
        {"rank": 0, "node": "a", "local_rank": 0},
        {"rank": 1, "node": "b", "local_rank": 0},
    ],
}


class Clock:
    """A loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []
        self.now = 0.0

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self.calls.append((self.now + seconds, call))

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while due := sorted((c for c in self.calls if c[0] <= end), key=lambda c: c[0]):
            self.calls.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = end


class Court:
    """A verdict, and the first end that it came to."""

    def __init__(self, folder: Path) -> None:
        (folder / "logs").mkdir(parents=True)
        self.clock, self.record = Clock(), JobRecord(folder, JOB)
        self.ends: list[tuple[str, str, Cause]] = []
        self.verdict = Verdict(self.clock, "head", self.record, lambda *end: self.ends.append(end))

    def rank(self, rank: int, code: int | None, signal: str | None = None, told: bool = False):
        self.record.ranks[rank].update(exit_code=code, signal=signal)
        self.verdict.rank_ended(self.record.ranks[rank], told=told)

    def first_end(self) -> tuple[str, str, Cause] | None:
        self.clock.pass_time(1)
        return self.ends[0] if self.ends else None


@pytest.fixture
def court(tmp_path: Path) -> Iterator[Court]:
    court = Court(tmp_path / "job")
    yield court
    court.record.close()


def test_done_when_the_ranks_and_the_launcher_are(court: Court) -> None:
    court.rank(0, 0)
    court.rank(1, 0)
    assert court.first_end() is None
    court.verdict.launcher_ended(0)
    assert court.first_end() == ("done", "done", None)


def test_news_of_the_last_rank_may_come_after_the_launchers_end(court: Court) -> None:
    court.rank(0, 0)
    court.verdict.launcher_ended(0)
    assert court.first_end() is None
    court.rank(1, 0)
    assert court.first_end() == ("done", "done", None)


def test_a_launcher_that_hangs_after_its_ranks_is_not_waited_for(court: Court) -> None:
    court.rank(0, 0)
    court.rank(1, 0)
    court.clock.pass_time(6)
    assert court.first_end() == ("done", "done", None)


def test_a_refused_option_is_a_failure_even_when_all_went_well(court: Court) -> None:
    said = ["An invalid value was given for x", "  10.9.0.0/16"]
    court.record.keep({"t": "launcher", "node": "a", "lines": said})
    court.rank(0, 0)
    court.rank(1, 0)
    court.verdict.launcher_said(["An invalid value was given for x"])
    court.verdict.launcher_ended(0)
    assert court.first_end() == (
        "failed",
        "mpirun on head refused an option\nAn invalid value was given for x\n  10.9.0.0/16",
        cause("launcher", node="head"),
    )


def ends(court: Court) -> dict[str, Callable[[], None]]:
    return {
        "daemon": lambda: court.verdict.daemon_ended("b", -9),
        "wrapper": lambda: court.rank(1, None),
        "told": lambda: court.rank(0, None, "SIGTERM", told=True),
        "launcher": lambda: court.verdict.launcher_ended(137),
    }


@pytest.mark.parametrize("order", [*permutations(["daemon", "wrapper", "told", "launcher"])])
def test_the_deepest_cause_is_named_in_whatever_order(court: Court, order: list[str]) -> None:
    for name in order:
        ends(court)[name]()

    message = "mpirun on head lost its daemon on b, which was ended by SIGKILL"
    by = cause("launcher", node="b", signal="SIGKILL")
    assert court.first_end() == ("failed", message, by)


@pytest.mark.parametrize("order", [*permutations(["told", "launcher"])])
def test_without_a_deeper_cause_the_rank_is_named(court: Court, order: list[str]) -> None:
    for name in order:
        ends(court)[name]()

    by = cause("signal", node="a", rank=0, signal="SIGTERM")
    assert court.first_end() == ("failed", "rank 0 on a was ended by SIGTERM", by)


def test_a_rank_that_failed_is_explained_by_what_befell_its_node(court: Court) -> None:
    court.record.ranks[1].update(exit_code=None, signal="SIGKILL")
    faults = {"memory": {"limit_bytes": 512 << 20}}
    court.verdict.rank_ended(court.record.ranks[1], told=False, faults=faults)

    assert court.first_end() == (
        "failed",
        "rank 1 on b was killed: its memory limit of 512 MiB was reached\nFix: give the node more "
        "memory, or each rank less to hold: more ranks for one model, a smaller model or batch",
        cause("out-of-memory", node="b", rank=1, signal="SIGKILL"),
    )

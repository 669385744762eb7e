"""Taking, renewing, taking over and giving back a lock, on the files of a real folder."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from clusterkit.state.lock import new_holder
from clusterkit.state.lock_chain import Lock
from clusterkit.state.lock_file import FileLockStore

ELSEWHERE = {"host": "elsewhere", "boot": "another", "machine": "another"}
"""A holder of whom nothing can be found out here but their signs of life."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cluster"


def lock_of(folder: Path, verb: str = "up", **who: str) -> Lock:
    return Lock(FileLockStore(folder), new_holder(verb) | ELSEWHERE | who)


def silent(folder: Path, verb: str = "up") -> Lock:
    """A lock whose holder has not been heard of for longer than they had said."""
    lock = lock_of(folder, verb, beats_every_s="0.1")
    assert lock.take() is None
    age(folder)
    return lock


def age(folder: Path, seconds: float = 61) -> None:
    for file in folder.glob("lock.json*"):
        then = file.stat().st_mtime - seconds
        os.utime(file, (then, then))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*")) if folder.exists() else []


def test_one_that_lives_keeps_it_up_to_the_last_second(folder: Path) -> None:
    holder, other = lock_of(folder, "down"), lock_of(folder)
    assert holder.take() is None
    age(folder, 58)

    seen = other.take()

    assert seen is not None
    assert (seen.holder, seen.life, 58 <= seen.age_s < 60) == (holder.me, "living", True)
    assert holder.beat()
    assert files(folder) == ["lock.json"]


def test_one_that_is_silent_for_too_long_loses_it_and_notices(folder: Path) -> None:
    holder, other = silent(folder), lock_of(folder)
    watched: list[float] = []

    assert other.take(lambda _, span_s: watched.append(round(span_s, 3))) is None

    assert watched == [0.12]
    assert not holder.beat()
    holder.release()  # which is not theirs any more
    seen = lock_of(folder).look()
    assert seen is not None
    assert seen.holder == other.me
    other.release()
    assert not folder.exists()


def test_a_sign_of_life_while_one_is_watched_keeps_it(folder: Path) -> None:
    holder, other = silent(folder), lock_of(folder)

    seen = other.take(lambda *_: holder.beat() and None)

    assert seen is not None
    assert (seen.holder, holder.beat(), files(folder)) == (holder.me, True, ["lock.json"])


def test_who_sees_a_sign_of_life_after_taking_over_withdraws(folder: Path) -> None:
    holder, other = silent(folder), lock_of(folder)
    seen = other.look()
    assert seen is not None
    assert holder.beat()

    assert not other.take_over(seen)

    assert (holder.beat(), files(folder)) == (True, ["lock.json"])


def test_who_meets_an_entry_that_is_withdrawn_waits_for_that(folder: Path) -> None:
    holder, other = silent(folder), lock_of(folder)
    entry = f"after-{holder.me['id']}"
    store = FileLockStore(folder)
    store.first(entry, other.me)
    patient = Lock(store, holder.me, pause=lambda _: store.drop([entry]))

    assert patient.beat()
    patient.release()
    assert not folder.exists()


def test_the_lock_of_who_took_over_can_be_taken_over_as_well(folder: Path) -> None:
    silent(folder)
    second, third = lock_of(folder, beats_every_s="0.1"), lock_of(folder)
    assert second.take() is None
    age(folder)

    assert third.take() is None

    assert (second.beat(), third.beat()) == (False, True)
    third.release()
    assert not folder.exists()


def test_who_dies_while_giving_it_back_leaves_what_the_next_one_clears_away(folder: Path) -> None:
    holder = lock_of(folder, beats_every_s="0.1")
    assert holder.take() is None
    end = holder.me | {"id": f"{holder.me['id']}-end"}
    FileLockStore(folder).first(f"after-{holder.me['id']}", end)
    age(folder)
    other = lock_of(folder)

    assert other.take() is None
    other.release()

    assert not folder.exists()


def test_an_entry_that_a_crash_left_is_cleared_away_by_the_next_holder(folder: Path) -> None:
    FileLockStore(folder).first("after-gone", new_holder("up"))
    holder = lock_of(folder)

    assert holder.take() is None
    assert files(folder) == ["lock.json", "lock.json.after-gone"]
    holder.release()

    assert not folder.exists()


def test_by_force_it_is_taken_from_one_that_lives(folder: Path) -> None:
    holder, other = lock_of(folder), lock_of(folder, "lock release")
    assert holder.take() is None
    seen = other.look()
    assert seen is not None
    assert holder.beat()

    assert other.take_over(seen, by_force=True)
    other.release()

    assert (holder.beat(), folder.exists()) == (False, False)


def test_one_that_was_removed_by_hand_and_taken_by_another_is_left_alone(folder: Path) -> None:
    holder, other = lock_of(folder), lock_of(folder)
    assert holder.take() is None
    (folder / "lock.json").unlink()
    assert other.take() is None

    assert not holder.beat()
    holder.release()

    assert (other.beat(), files(folder)) == (True, ["lock.json"])


def test_another_version_never_expires(folder: Path) -> None:
    holder = lock_of(folder, expires_after_s="unknown")
    assert holder.take() is None
    age(folder, 10**6)

    seen = lock_of(folder).take()

    assert seen is not None
    assert seen.life == "living"


def _rush(folder: Path, number: int, starts_at: float) -> tuple[bool, bool]:
    """Whether this process got the lock, and whether it still had it a moment later."""
    lock = lock_of(folder, f"rush {number}")
    time.sleep(max(0.0, starts_at - time.time()))
    got = lock.take() is None
    time.sleep(0.3)
    return got, got and lock.beat()


@pytest.mark.parametrize("again", range(3))
def test_of_many_processes_that_find_it_expired_exactly_one_wins(folder: Path, again: int) -> None:
    silent(folder)
    count = 12
    with ProcessPoolExecutor(count, mp_context=get_context("fork")) as pool:
        list(pool.map(time.sleep, [0.2] * count))  # all are started
        rushing = [pool.submit(_rush, folder, n, time.time() + 0.2) for n in range(count)]
        answers = [each.result() for each in rushing]

    assert sorted(answers) == [*[(False, False)] * (count - 1), (True, True)]


def _work(folder: Path, number: int, rounds: int) -> int:
    """Take, write alone, give back; how often it was ours."""
    held, inside = 0, folder.parent / "inside"
    while held < rounds:
        lock = lock_of(folder, f"work {number}")
        if lock.take() is None:
            os.close(os.open(inside, os.O_CREAT | os.O_EXCL))  # fails where another is inside
            inside.unlink()
            held += 1
            lock.release()
    return held


def test_of_many_processes_that_take_and_give_back_one_is_inside_at_a_time(folder: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as pool:
        working = [pool.submit(_work, folder, number, 10) for number in range(4)]
        assert [each.result() for each in working] == [10] * 4

    assert not folder.exists()

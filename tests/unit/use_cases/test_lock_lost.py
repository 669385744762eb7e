"""Who loses the lock while at work changes nothing more; and the verb that looks and takes it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial

import pytest

from clusterkit.command import HOST, Command, Put
from clusterkit.errors import ClusterkitError, LockLost, UsageError
from clusterkit.model.lock_options import LockOptions
from clusterkit.results.lock import LockHolder, LockResult
from clusterkit.state.lock import new_holder
from clusterkit.state.lock_chain import Lock
from clusterkit.state.lock_file import FileLockStore
from clusterkit.use_cases import lock as use_case
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.lock_held import Held
from clusterkit.use_cases.lock_verb import look_at_lock, release_lock
from clusterkit.use_cases.session import Session, open_world
from tests.unit.pair import pair

PATIENCE_S = 30
LOST = (
    "`up` has lost the lock of cluster here: {who}. Nothing was changed after that was seen. "
    "Fix: see `clusterkit lock status`, then run it again"
)


@pytest.fixture
def session(tmp_path):
    return Session(pair(name="here", provider="local"), tmp_path / "clusters" / "here")


@pytest.fixture
def quick(monkeypatch):
    """Signs of life every 20 ms."""
    holder = partial(new_holder, beats_every_s=0.02, expires_after_s=0.5)
    monkeypatch.setattr(use_case, "new_holder", holder)


@contextmanager
def lock(session):
    with open_world(session) as world, locked(session, world, "up", {}) as held:
        yield world, held


def until(happened: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def take_by_force(session) -> Lock:
    other = Lock(FileLockStore(session.folder), new_holder("down"))
    seen = other.look()
    assert seen is not None
    assert other.take_over(seen, by_force=True)
    return other


def test_it_is_renewed_while_a_verb_is_at_work(session, quick):
    file = session.folder / "lock.json"
    with lock(session):
        os.utime(file, (0, 0))
        until(lambda: file.stat().st_mtime > 0)

    assert not session.folder.exists()


def test_who_lost_it_makes_no_other_change(session, quick, tmp_path):
    put = Put(str(tmp_path / "a change"), b"")

    def work():
        with lock(session) as (world, held):
            world.perform(HOST, Command(("true",))).check()
            others.append(take_by_force(session))
            until(lambda: held.lost)
            world.perform(HOST, put)

    others = []
    with pytest.raises(LockLost) as caught:
        work()

    who = f"{others[0].me['user']}@{others[0].me['host']} has it now"
    assert (str(caught.value), caught.value.exit_code) == (LOST.format(who=who), 5)
    assert not (tmp_path / "a change").exists()
    assert others[0].beat()


def test_an_error_of_many_nodes_that_comes_of_it_is_told_once(session, quick):
    def work():
        with lock(session) as (_, held):
            take_by_force(session).release()
            until(lambda: held.lost)
            raise ClusterkitError("node1: lost; node2: lost")

    with pytest.raises(LockLost) as caught:
        work()

    assert str(caught.value) == LOST.format(who="it is gone")


def test_one_that_slept_looks_before_the_next_change(session):
    """The renewing may sleep as well: nothing renews here."""
    mine = Lock(FileLockStore(session.folder), new_holder("up", expires_after_s=0.05))
    assert mine.take() is None
    held = Held(mine, "here")
    take_by_force(session)
    time.sleep(0.05)

    with pytest.raises(LockLost):
        held.check()


def test_a_store_that_does_not_answer_forbids_changes_and_loses_nothing(session):
    mine = Lock(FileLockStore(session.folder), new_holder("up", expires_after_s=0.05))
    assert mine.take() is None
    held = Held(mine, "here")
    time.sleep(0.05)
    mine.beat, beat = _no_answer, mine.beat

    with pytest.raises(ClusterkitError, match="no answer"):
        held.check()
    mine.beat = beat
    held.check()

    assert held.lost is None


def _no_answer() -> bool:
    raise ClusterkitError("no answer")


def holder_of(session) -> dict[str, str]:
    return json.loads((session.folder / "lock.json").read_text())


def test_status_says_who_holds_it(session):
    where = f"{session.folder}/lock.json"
    free = look_at_lock(session)
    with lock(session):
        who = holder_of(session)
        seen = look_at_lock(session)

    assert free == LockResult(cluster="here", where=where)
    assert seen.holder is not None
    ago = seen.holder.heard_s_ago
    keys = ("user", "host", "pid", "verb", "since")
    holder = LockHolder(
        **{key: who[key] for key in keys},
        life="living",
        heard_s_ago=ago,
        expires_in_s=60 - ago,
    )
    assert (seen, 0 <= ago < 30) == (LockResult(cluster="here", where=where, holder=holder), True)


def test_release_takes_it_from_one_that_lives_by_force_only(session, quick):
    def work():
        with lock(session) as (_, held):
            with pytest.raises(UsageError, match=told):
                release_lock(session, LockOptions(action="release"))
            done.append(release_lock(session, LockOptions(action="release", force=True)))
            until(lambda: held.lost)
            held.check()

    told = "and lives. Fix: wait for it to end; if you know better, add `--force`$"
    done = []
    with pytest.raises(LockLost):
        work()

    assert done[0].released
    assert not session.folder.exists()


@pytest.mark.parametrize(("force", "text"), [(False, None), (True, "half a")])
def test_release_takes_it_from_the_dead_and_by_force_from_the_unknown(session, force, text):
    with lock(session):
        dead = json.dumps(holder_of(session) | {"id": "dead", "started": "1"})
    session.folder.mkdir()
    (session.folder / "lock.json").write_text(text or dead)

    done = release_lock(session, LockOptions(action="release", force=force))

    assert (done.released, session.folder.exists()) == (True, False)


def test_release_of_a_free_one_does_nothing(session):
    done = release_lock(session, LockOptions(action="release"))

    assert (done.holder, done.released, session.folder.exists()) == (None, False, False)

"""The lock between real processes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit.errors import ClusterkitError, Locked
from clusterkit.events import Note
from clusterkit.state.lock import new_holder
from clusterkit.state.lock_chain import Lock
from clusterkit.state.lock_file import FileLockStore
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.session import Session, open_world
from tests.unit.pair import pair

PATIENCE_S = 30
# Takes the lock of cluster `here` in the folder of its first word, says what came of it, and
# holds the lock until its stdin ends. It begins to try when its stdin gives a line.
HOLDER = """
import sys
from pathlib import Path
from clusterkit.errors import Locked
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.session import Session, open_world
from tests.unit.pair import pair
session = Session(pair(name="here", provider="local"), Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
try:
    with locked(session, open_world(session), "up", {}):
        print("held", flush=True)
        sys.stdin.read()
except Locked as error:
    print(error, flush=True)
"""


@pytest.fixture
def session(tmp_path):
    return Session(pair(name="here", provider="local"), tmp_path / "clusters" / "here")


@pytest.fixture
def holder(session):
    """Starts processes that are ready to take the lock."""
    started = []

    def start(count=1):
        begun = [
            subprocess.Popen(
                (sys.executable, "-c", HOLDER, str(session.folder)),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(count)
        ]
        started.extend(begun)
        assert [process.stdout.readline() for process in begun] == ["ready\n"] * count
        return begun if count > 1 else begun[0]

    yield start
    for process in started:
        process.kill()
        process.wait(PATIENCE_S)
        process.stdout.close()
        with suppress(BrokenPipeError):
            process.stdin.close()


def go(process) -> str:
    """Let it try, and hear what came of it."""
    process.stdin.write("go\n")
    process.stdin.flush()
    return process.stdout.readline().rstrip("\n")


@contextmanager
def lock(session, verb="down", **options):
    with open_world(session) as world, locked(session, world, verb, {}, **options):
        yield


def holder_now(session):
    seen = Lock(FileLockStore(session.folder), new_holder("look")).look()
    return None if seen is None else seen.holder


def test_who_holds_the_lock_is_told(session, holder):
    process = holder()
    assert go(process) == "held"
    found = json.loads((session.folder / "lock.json").read_text())

    with pytest.raises(Locked) as caught, lock(session):
        pass

    assert str(caught.value) == (
        f"cluster here is locked: {found['user']}@{os.uname().nodename} runs `clusterkit up` "
        f"(pid {process.pid}) since {found['since']}. Fix: wait for it to end, for example with "
        "`--lock-wait 600`; if it is gone, its lock ends 60 s after its last sign of life"
    )


def test_a_holder_that_ends_gives_it_back(session, holder):
    process = holder()
    go(process)
    process.stdin.close()
    process.wait(PATIENCE_S)

    with lock(session):
        pass

    assert not session.folder.exists()


@pytest.mark.parametrize("is_reaped", [True, False])
def test_a_holder_that_died_loses_it(session, holder, is_reaped):
    process = holder()
    go(process)
    process.kill()
    if is_reaped:
        process.wait(PATIENCE_S)
    else:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

    with lock(session):
        assert holder_now(session)["pid"] == str(os.getpid())

    assert not session.folder.exists()


def test_ctrl_c_gives_it_back(session, holder):
    process = holder()
    go(process)
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE_S)

    assert not session.folder.exists()


@pytest.mark.parametrize("after_a_death", [False, True])
def test_of_many_at_once_exactly_one_wins(session, holder, after_a_death):
    *rivals, dead = holder(4)
    if after_a_death:
        go(dead)
        dead.kill()
        dead.wait(PATIENCE_S)
    for rival in rivals:
        rival.stdin.write("go\n")
        rival.stdin.flush()
    answers = [rival.stdout.readline() for rival in rivals]

    assert sorted(answer.partition(":")[0] for answer in answers) == [
        *["cluster here is locked"] * 2,
        "held\n",
    ]


def test_a_pid_that_was_used_again_is_not_the_holder(session):
    with lock(session):
        file = session.folder / "lock.json"
        found = json.loads(file.read_text())
    session.folder.mkdir()
    file.write_text(json.dumps(found | {"id": "other", "started": "1"}))

    with lock(session):
        assert holder_now(session)["id"] not in ("other", found["id"])


def test_a_holder_on_another_machine_keeps_it(session):
    with lock(session):
        found = json.loads((session.folder / "lock.json").read_text())
    session.folder.mkdir()
    (session.folder / "lock.json").write_text(
        json.dumps(found | {"id": "other", "started": "1", "host": "elsewhere"})
    )

    told = r"@elsewhere runs `clusterkit down` \(pid \d+\) since"
    with pytest.raises(Locked, match=told), lock(session):
        pass


def test_a_lock_that_cannot_be_read_is_not_taken(session):
    session.folder.mkdir(parents=True)
    (session.folder / "lock.json").write_text("half a")

    told = r"^cluster here is locked: \S*/here/lock.json cannot be read. Fix: if nobody changes "
    with pytest.raises(Locked, match=told), lock(session):
        pass


@pytest.mark.parametrize("error", [ClusterkitError("no"), KeyError("a bug"), KeyboardInterrupt()])
def test_an_error_gives_it_back_and_goes_on(session, error):
    with pytest.raises(type(error)) as caught, lock(session):
        raise error

    assert caught.value is error
    assert not session.folder.exists()


def test_what_the_cluster_has_besides_stays(session):
    with lock(session):
        (session.folder / "applied.json").write_text("{}")

    assert [path.name for path in session.folder.iterdir()] == ["applied.json"]


def test_a_lock_that_somebody_else_took_meanwhile_is_not_given_back(session):
    with lock(session):
        file = session.folder / "lock.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"id": "other"}))

    assert json.loads(file.read_text())["id"] == "other"


def test_the_folder_of_the_locks_is_private(session):
    with lock(session):
        pass

    assert f"{Path(session.folder.parent).stat().st_mode & 0o777:o}" == "700"


def test_a_user_without_a_name_is_told_by_number(session, monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)

    with open_world(session) as world, locked(session, world, "up", {}):
        assert json.loads((session.folder / "lock.json").read_bytes())["user"] == "54321"


def test_who_wants_to_wait_is_told_for_whom_and_gets_it_after_them(session, holder):
    process = holder()
    go(process)
    heard = []

    def note(event):
        heard.append(event)
        process.stdin.close()  # it ends

    with lock(replace(session, lock_wait_s=PATIENCE_S), sink=note):
        assert holder_now(session)["pid"] == str(os.getpid())

    assert [type(event) for event in heard] == [Note]
    assert re.fullmatch(
        rf"waiting for the lock: \S+ runs `clusterkit up` \(pid {process.pid}\) since \S+",
        heard[0].text,
    )


def test_who_has_waited_long_enough_gives_up(session, holder):
    go(holder())
    heard = []
    began = time.monotonic()

    waiting = replace(session, lock_wait_s=0.3)
    with pytest.raises(Locked), lock(waiting, sink=heard.append):
        pass

    assert (len(heard), time.monotonic() - began >= 0.3) == (1, True)


def test_one_that_is_stopped_for_long_is_not_taken_for_dead(session, holder):
    process = holder()
    go(process)
    process.send_signal(signal.SIGSTOP)
    file = session.folder / "lock.json"
    os.utime(file, (0, 0))

    with pytest.raises(Locked), lock(session):
        pass

    process.send_signal(signal.SIGCONT)
    process.stdin.close()
    process.wait(PATIENCE_S)
    assert not session.folder.exists()

"""The lock of a cluster of machines: its scripts run for real, in a home folder of their own."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError, Locked
from clusterkit.events import Note
from clusterkit.model.trust import fingerprint
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.session import Session
from tests.unit.providers.machines import lab
from tests.unit.tasks.shell import names, run


@dataclass
class Head:
    """A world whose only machine is this one. ``asked`` are the machines that were asked for."""

    asked: set[str]

    def machine(self, node: str) -> Head:
        self.asked.add(node)
        return self

    def run(self, command: Command) -> Result:
        return run(command)

    def guard(self, check: object) -> None:
        pass

    def is_open(self, _node: str) -> bool:
        return False


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(lab(), tmp_path / "clusters" / "lab")


def test_it_is_a_file_on_the_head_and_goes_with_its_folder(home: Path, session: Session):
    head = Head(set())

    with locked(session, head, "up", {}):
        file = home / ".clusterkit/lab.lock"
        assert names(file.parent) == ["lab.lock"]
        assert json.loads(file.read_text())["pid"] == str(os.getpid())
        assert f"{file.parent.stat().st_mode & 0o777:o}" == "700"

    assert names(home) == []
    assert head.asked == {"gpu01"}


def test_who_holds_it_is_told(home: Path, session: Session):
    with locked(session, Head(set()), "up", {}):
        holder = json.loads((home / ".clusterkit/lab.lock").read_text())
        with pytest.raises(Locked) as caught, locked(session, Head(set()), "down", {}):
            pass

    assert str(caught.value) == (
        f"cluster lab is locked: {holder['user']}@{os.uname().nodename} runs `clusterkit up` "
        f"(pid {os.getpid()}) since {holder['since']}. Fix: wait for it to end, for example with "
        "`--lock-wait 600`; if it is gone, its lock ends 60 s after its last sign of life"
    )


def test_a_host_key_that_is_pinned_on_the_way_is_shown(home: Path, session: Session):
    """The head is the first machine that is met, before any other is."""
    pins, heard = session.folder / "pinned_hosts", []
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDKCPKJklJxP9FK6bhx56Ig54ufGu6GjF6vudNfy8thU"

    class Unknown(Head):
        def run(self, command: Command) -> Result:
            pins.parent.mkdir(parents=True, exist_ok=True)
            pins.write_text(f"gpu01 {key}\n")
            return super().run(command)

    with locked(session, Unknown(set()), "up", {}, sink=heard.append):
        pass

    told = f"ssh-ed25519 {fingerprint(key)}"
    assert heard == [Note(f"pinned the host key of gpu01, seen for the first time: {told}")]


def test_what_lies_beside_it_stays(home: Path, session: Session):
    (home / ".clusterkit/lab/gpu01").mkdir(parents=True)

    with locked(session, Head(set()), "up", {}):
        pass

    assert names(home / ".clusterkit") == ["lab"]


def test_two_clusters_have_a_lock_each(home: Path, session: Session, tmp_path: Path):
    other = Session(lab(name="den"), tmp_path / "clusters" / "den")

    with locked(session, Head(set()), "up", {}), locked(other, Head(set()), "up", {}):
        assert names(home / ".clusterkit") == ["den.lock", "lab.lock"]

    assert names(home) == []


def test_that_of_a_dead_holder_is_taken_over(home: Path, session: Session):
    with locked(session, Head(set()), "up", {}):
        found = json.loads((home / ".clusterkit/lab.lock").read_text())
    (home / ".clusterkit").mkdir()
    dead = json.dumps(found | {"id": "dead", "started": "1"}, sort_keys=True)
    (home / ".clusterkit/lab.lock").write_text(dead)

    with locked(session, Head(set()), "up", {}):
        now = json.loads((home / ".clusterkit/lab.lock.after-dead").read_text())
        assert now["pid"] == str(os.getpid())

    assert names(home) == []


def test_that_of_somebody_on_another_machine_is_not(home: Path, session: Session):
    with locked(session, Head(set()), "up", {}):
        found = json.loads((home / ".clusterkit/lab.lock").read_text())
    (home / ".clusterkit").mkdir()
    theirs = json.dumps(found | {"id": "theirs", "started": "1", "host": "elsewhere"})
    (home / ".clusterkit/lab.lock").write_text(theirs)

    with pytest.raises(Locked, match="@elsewhere"), locked(session, Head(set()), "up", {}):
        pass

    assert (home / ".clusterkit/lab.lock").read_text() == theirs


def test_one_that_somebody_else_took_meanwhile_is_not_given_back(home: Path, session: Session):
    file = home / ".clusterkit/lab.lock"
    with locked(session, Head(set()), "up", {}):
        theirs = json.dumps(json.loads(file.read_text()) | {"id": "theirs"}, sort_keys=True)
        file.write_text(theirs)

    assert file.read_text() == theirs


def test_of_many_at_once_one_holds_it_at_a_time(home: Path, tmp_path: Path):
    """Each has a state of its own, as on machines of their own, and tries until it has held it."""
    inside: list[int] = []
    most = 0

    def work(number: int) -> int:
        nonlocal most
        session = Session(lab(), tmp_path / str(number) / "lab")
        for tried in range(1, 1000):
            try:
                with locked(session, Head(set()), "up", {}):
                    inside.append(number)
                    most = max(most, len(inside))
                    inside.remove(number)
                    return tried
            except Locked:
                continue
        raise AssertionError("it was never free")

    with ThreadPoolExecutor(6) as pool:
        tried = list(pool.map(work, range(6)))

    assert most == 1
    assert sum(tried) > 6, "nobody met another"
    assert names(home) == []


def test_a_home_folder_that_cannot_be_written_is_told_once(home: Path, session: Session):
    (home / ".clusterkit").write_text("no folder")

    with pytest.raises(ClusterkitError) as caught, locked(session, Head(set()), "up", {}):
        pass

    assert str(caught.value).count("File exists") == 1


def test_a_lock_that_cannot_be_read_is_nobodys_to_take(home: Path, session: Session):
    (home / ".clusterkit").mkdir()
    (home / ".clusterkit/lab.lock").write_text("half a")

    told = "~/.clusterkit/lab.lock on gpu01 cannot be read"
    with pytest.raises(Locked, match=told), locked(session, Head(set()), "up", {}):
        pass


def test_a_home_folder_in_which_nothing_can_be_written_says_so(home: Path, session: Session):
    (home / ".clusterkit").write_text("a file in the place of the folder")

    with (
        pytest.raises(ClusterkitError) as caught,
        locked(session, Head(set()), "up", {}),
    ):
        raise AssertionError("it was taken")

    assert str(caught.value) == (
        "gpu01: the lock ~/.clusterkit/lab.lock cannot be written: File exists. Fix: let the "
        "user write in the home folder there, and see that it has free space"
    )

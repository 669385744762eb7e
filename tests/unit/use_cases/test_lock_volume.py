"""The lock on a Docker host."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clusterkit.command import HOST, DockerCall, Result
from clusterkit.errors import ClusterkitError, Locked
from clusterkit.state.lock import new_holder
from clusterkit.state.lock_chain import Lock
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.lock_stores import VolumeLockStore
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair


class Volumes:
    """Docker's volumes: making one that exists answers with the labels of the first."""

    def __init__(self) -> None:
        self.labels: dict[str, dict[str, str]] = {}
        self.made_at: dict[str, float] = {}
        self.time = 1000.0
        self.is_gone = False

    def engine(self, node):
        assert node == HOST
        if self.is_gone:
            raise ClusterkitError("Docker does not answer")
        return self

    def guard(self, check):
        pass

    def is_open(self, _node):
        return False

    def apply(self, action):
        assert isinstance(action, DockerCall)
        if action.operation == "remove-volume":
            self.labels.pop(action.name, None)
            return Result(HOST, action, 0)
        if action.name not in self.labels:
            self.made_at[action.name] = self.time
        labels = self.labels.setdefault(action.name, dict(action.arguments["labels"]))
        return Result(HOST, action, 0, json.dumps({"name": action.name, "labels": labels}))

    def volumes_named(self, prefix):
        return {
            name: (labels or {}, self.made_at.get(name, 0.0))
            for name, labels in self.labels.items()
            if name.startswith(prefix)
        }

    def clock_s(self):
        return self.time


@pytest.fixture
def docker_session(tmp_path):
    return Session(pair(), tmp_path / "clusters" / "pair")


def test_on_a_docker_host_the_lock_is_a_volume(docker_session):
    volumes = Volumes()

    with locked(docker_session, volumes, "up", {}):
        holder = json.loads(volumes.labels["clusterkit-pair-lock"]["clusterkit.lock"])
        with pytest.raises(Locked) as caught, locked(docker_session, volumes, "down", {}):
            pass

    assert str(caught.value) == (
        f"cluster pair is locked: {holder['user']}@{os.uname().nodename} runs `clusterkit up` "
        f"(pid {os.getpid()}) since {holder['since']}. Fix: wait for it to end, for example with "
        "`--lock-wait 600`; if it is gone, its lock ends 60 s after its last sign of life"
    )
    assert volumes.labels == {}


def test_a_volume_of_a_dead_holder_is_taken_over(docker_session):
    volumes = Volumes()
    with locked(docker_session, volumes, "up", {}):
        found = json.loads(volumes.labels["clusterkit-pair-lock"]["clusterkit.lock"])
    dead = json.dumps(found | {"id": "dead", "started": "1"})
    volumes.labels["clusterkit-pair-lock"] = {"clusterkit.lock": dead}

    with locked(docker_session, volumes, "up", {}):
        now = json.loads(volumes.labels["clusterkit-pair-lock-after-dead"]["clusterkit.lock"])
        assert now["pid"] == str(os.getpid())

    assert volumes.labels == {}


@pytest.mark.parametrize("labels", [None, {}, {"clusterkit.lock": "["}])
def test_a_volume_of_that_name_without_a_holder_is_not_taken(docker_session, labels):
    volumes = Volumes()
    volumes.labels["clusterkit-pair-lock"] = labels

    with (
        pytest.raises(Locked, match="lock of the Docker engine cannot be read") as caught,
        locked(docker_session, volumes, "up", {}),
    ):
        pass

    assert volumes.labels == {"clusterkit-pair-lock": labels}
    assert "now, `clusterkit lock release --force --inventory INVENTORY`" in str(caught.value)


def test_the_first_error_is_told_when_the_lock_cannot_be_given_back(docker_session):
    volumes = Volumes()

    def fail():
        with locked(docker_session, volumes, "up", {}):
            volumes.is_gone = True
            raise ClusterkitError("the disk is full")

    with pytest.raises(ClusterkitError, match=r"^the disk is full$"):
        fail()


def test_a_volume_that_was_removed_by_hand_is_no_error(docker_session):
    volumes = Volumes()

    with locked(docker_session, volumes, "up", {}):
        volumes.labels.clear()

    assert volumes.labels == {}


def store(volumes):
    return VolumeLockStore(Session(pair(), Path("/nowhere")), volumes)


def test_a_sign_of_life_is_a_new_volume_in_the_place_of_the_last_one():
    volumes = Volumes()
    lock = Lock(store(volumes), new_holder("up"))
    assert lock.take() is None
    ages = []
    for _ in range(3):
        volumes.time += 50
        assert lock.beat()
        volumes.time += 5
        ages.append(lock.look().age_s)
        beats = [name for name in volumes.labels if "-beat-" in name]
        assert len(beats) == 1

    lock.release()

    assert (ages, volumes.labels) == ([5.0] * 3, {})


def test_the_volumes_of_a_cluster_whose_name_begins_alike_are_not_of_this_lock():
    volumes = Volumes()
    other = Session(pair(name="pair-lock"), Path("/nowhere"))
    theirs = Lock(VolumeLockStore(other, volumes), new_holder("up"))
    ours = Lock(store(volumes), new_holder("up"))
    assert (theirs.take(), ours.take(), theirs.beat(), ours.beat()) == (None, None, True, True)

    ours.release()

    assert sorted(volumes.labels) == [
        "clusterkit-pair-lock-lock",
        f"clusterkit-pair-lock-lock-beat-{theirs.me['id']}-1",
    ]

"""The lock on a Docker host."""

from __future__ import annotations

import json
import os

import pytest

from clusterkit.command import DockerCall, Result
from clusterkit.errors import ClusterkitError, Locked
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair


class Volumes:
    """Docker's volumes: making one that exists answers with the labels of the first."""

    def __init__(self) -> None:
        self.labels: dict[str, dict[str, str]] = {}
        self.is_gone = False

    def perform(self, node, action):
        assert isinstance(action, DockerCall)
        if self.is_gone:
            raise ClusterkitError("Docker does not answer")
        if action.operation == "remove-volume":
            del self.labels[action.name]
            return Result(node, action, 0)
        labels = self.labels.setdefault(action.name, dict(action.arguments["labels"]))
        return Result(node, action, 0, json.dumps({"name": action.name, "labels": labels}))


@pytest.fixture
def docker_session(tmp_path):
    return Session(pair(), tmp_path / "clusters" / "pair")


def test_on_a_docker_host_the_lock_is_a_volume(docker_session):
    volumes = Volumes()

    with locked(docker_session, volumes, "up"):
        holder = json.loads(volumes.labels["clusterkit-pair-lock"]["clusterkit.lock"])
        with pytest.raises(Locked) as caught, locked(docker_session, volumes, "down"):
            pass

    assert str(caught.value) == (
        f"cluster pair is locked: {holder['user']}@{os.uname().nodename} runs `clusterkit up` "
        f"(pid {os.getpid()}) since {holder['since']}. Fix: wait for it to end; if it is gone, "
        "remove it with `docker volume rm clusterkit-pair-lock`"
    )
    assert volumes.labels == {}


def test_a_volume_of_a_dead_holder_is_taken_over(docker_session):
    volumes = Volumes()
    with locked(docker_session, volumes, "up"):
        found = json.loads(volumes.labels["clusterkit-pair-lock"]["clusterkit.lock"])
    dead = json.dumps(found | {"id": "dead", "started": "1"})
    volumes.labels["clusterkit-pair-lock"] = {"clusterkit.lock": dead}

    with locked(docker_session, volumes, "up"):
        assert volumes.labels["clusterkit-pair-lock"]["clusterkit.lock"] != dead

    assert volumes.labels == {}


@pytest.mark.parametrize("labels", [None, {}, {"clusterkit.lock": "["}])
def test_a_volume_of_that_name_without_a_holder_is_not_taken(docker_session, labels):
    volumes = Volumes()
    volumes.labels["clusterkit-pair-lock"] = labels

    with pytest.raises(Locked, match="unknown@unknown"), locked(docker_session, volumes, "up"):
        pass

    assert volumes.labels == {"clusterkit-pair-lock": labels}


def test_the_first_error_is_told_when_the_lock_cannot_be_given_back(docker_session):
    volumes = Volumes()

    def fail():
        with locked(docker_session, volumes, "up"):
            volumes.is_gone = True
            raise ClusterkitError("the disk is full")

    with pytest.raises(ClusterkitError, match=r"^the disk is full$"):
        fail()


def test_a_volume_that_was_removed_by_hand_is_no_error(docker_session):
    volumes = Volumes()

    with locked(docker_session, volumes, "up"):
        volumes.labels.clear()

    assert volumes.labels == {}

"""The lock of machines lies on the head: two operators meet there, and what is dead is taken."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.machines import Machine, Spec, machines
from tests.e2e.test_every_step import stop_at

ANN = {"id": "a1", "user": "ann", "host": "elsewhere", "pid": "7", "verb": "down", "since": "then"}


class Head:
    """One machine, the person who makes a cluster of it, and the cluster's lock there."""

    def __init__(self, machine: Machine, controller: Controller, file: Path, name: str) -> None:
        self.machine, self.controller, self.file, self.name = machine, controller, file, name
        self.home = machine.inside("sh", "-c", f"echo ~{machine.user}").strip()

    def hold(self, **more: str) -> None:
        """Let somebody on another machine hold the lock."""
        text = json.dumps(ANN | {"started": "1"} | more)
        script = 'mkdir -p "$1/.clusterkit" && printf %s "$3" >"$1/.clusterkit/$2.lock"'
        self.machine.inside(
            "sh", "-c", script, "sh", self.home, self.name, text, user=self.machine.user
        )

    def left(self) -> list[str]:
        script = 'ls -A "$1/.clusterkit" 2>/dev/null; true'
        return self.machine.inside("sh", "-c", script, "sh", self.home).split()


@pytest.fixture
def head(docker_host: docker.DockerClient, mpi_machine: str, tmp_path: Path) -> Iterator[Head]:
    name = new_cluster_name()
    with machines(docker_host, mpi_machine, tmp_path / "person", Spec("gpu01")) as room:
        controller = room.controller(tmp_path / "state", name)
        file = room.describe(tmp_path / "lab.yaml", name)
        try:
            yield Head(room["gpu01"], controller, file, name)
        finally:
            controller.close()


def test_who_lives_is_waited_for_and_who_is_silent_is_taken_over(head: Head):
    head.hold(beats_every_s="0.5", expires_after_s="100")
    refused = head.controller("up", head.file, "--yes")
    status = head.controller("lock", "status", "--inventory", head.file, "-o", "json")
    head.hold(beats_every_s="0.5", expires_after_s="2")
    waited = head.controller("up", head.file, "--yes", "--lock-wait", "60")
    down = head.controller("down", "--yes")

    assert refused.returncode == 5
    assert f"cluster {head.name} is locked: ann@elsewhere runs `clusterkit down`" in refused.stderr
    holder = json.loads(status.stdout)["holder"]
    assert (holder["life"], 0 < holder["expires_in_s"] <= 100) == ("living", True)
    assert (waited.returncode, down.returncode) == (0, 0), waited.stderr
    assert "ann@elsewhere runs `clusterkit down` (pid 7) since then" in waited.stderr
    assert "waiting 0.60 s for a sign of life" in waited.stderr
    assert head.left() == []


def test_a_killed_up_is_gone_on_with(head: Head):
    journal = head.controller.home / "clusters" / head.name / "journal.jsonl"
    stop_at(head.controller.start("up", head.file, "--yes"), journal, 3, signal.SIGKILL)

    resumed = head.controller("up", "--resume", "--yes", "-o", "json")
    again = head.controller("up", head.file, "--yes", "-o", "json")
    noted = head.controller("audit", "-o", "json")
    down = head.controller("down", "--yes")

    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["resumed"]["outcome"] == "killed"
    assert json.loads(again.stdout)["changes"] == 0
    assert json.loads(noted.stdout)["unheard"] is None
    assert [row["outcome"] for row in json.loads(noted.stdout)["entries"]] == ["done", "done"]
    assert (down.returncode, head.left()) == (0, [])

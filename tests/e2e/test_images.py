"""Images go to machines without a registry: only where they lack, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.container_lab import Lab, inner
from tests.e2e.controller import new_cluster_name
from tests.e2e.inner_engine import OPTIONS, load_image, start_engine
from tests.e2e.machines import Machine, Machines, Spec, machines

SMALL = OPTIONS | {
    "mounts": [docker.types.Mount("/var/lib/docker", None, type="tmpfs", tmpfs_size=64 << 20)]
}
"""A machine whose Docker has room for half an image."""


@pytest.fixture(scope="module")
def room(
    docker_host: docker.DockerClient,
    base_image: str,
    mpi_machine: str,
    docker_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    specs = (
        Spec("gpu01", image=docker_machine, options=OPTIONS),
        Spec("gpu02", image=docker_machine, options=OPTIONS),
        Spec("small", image=docker_machine, options=SMALL),
        Spec("bare"),
    )
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *specs) as room:
        for name in ("gpu01", "gpu02", "small"):
            start_engine(room[name])
        load_image(room["gpu01"], base_image)
        yield room


@pytest.fixture
def lab(room: Machines, base_image: str, tmp_path: Path) -> Iterator[Lab]:
    """A cluster that was described, and that only the first machine has the image of."""
    name = new_cluster_name()
    lab = Lab(room, room.controller(tmp_path / "state", name), name, tmp_path / "l", base_image)
    lab.describe()
    yield lab
    lab.controller.close()
    for each in ("gpu01", "gpu02", "small"):
        assert left(room[each]) == ""
    if inner(room["gpu02"], "images", "--quiet"):
        inner(room["gpu02"], "rmi", "--force", base_image)


def left(machine: Machine) -> str:
    """What a load that broke off may leave: files, layers without a name, processes."""
    look = (
        "ls /var/lib/docker/tmp; docker images -qf dangling=true; pgrep -f 'docker loa[d]'; true"
    )
    return machine.inside("sh", "-c", look)


def image_id(machine: Machine) -> str:
    return inner(machine, "images", "--quiet", "--no-trunc").strip()


def pushed(lab: Lab, *words: object) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code of a push, and its row of each node."""
    done = lab("images", "push", lab.image, *words, "--inventory", lab.file, "-o", "json")
    rows = json.loads(done.stdout)["push"]["nodes"]
    return done.returncode, {row["node"]: row for row in rows}


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_each_machine_is_listed_with_what_it_has(lab: Lab):
    done = lab("images", "ls", "--inventory", lab.file)

    rows = [line.split() for line in done.stdout.splitlines()]
    short = lab.room.engine.images.get(lab.image).id[7:19]
    assert rows[1][:3] == [lab.image, short, "gpu01"]
    assert rows[2] == [lab.image, "-", "gpu02,small", "-", "-", "missing"]
    assert rows[3][:7] == [lab.image, "-", "bare", "-", "-", "there", "is"]
    assert done.returncode == 3


def test_who_lacks_it_gets_it_and_who_cannot_take_it_is_told(lab: Lab):
    code, rows = pushed(lab)

    wanted = lab.room.engine.images.get(lab.image).id
    states = {name: (row["state"], row["before"], row["after"]) for name, row in rows.items()}
    assert states == {
        "gpu01": ("had it", wanted, wanted),
        "gpu02": ("loaded", None, wanted),
        "small": ("failed", None, None),
        "bare": ("failed", None, None),
    }
    assert (code, rows["gpu01"]["sent_bytes"]) == (3, 0)
    assert (image_id(lab.room["gpu02"]), image_id(lab.room["small"])) == (wanted, "")
    what, _, fix = rows["small"]["error"].partition(" Fix: ")
    assert what.startswith(f"{lab.image} was not loaded: ")
    assert what.endswith("no space left on device.")
    assert fix == (
        "free some space in Docker's folder there (`docker system df` shows what takes it), "
        "and push again"
    )
    assert rows["bare"]["error"].startswith("there is no Docker on this machine. Fix: ")

    again, rows = pushed(lab, "gpu[01-02]")
    assert (again, [row["state"] for row in rows.values()]) == (0, ["had it", "had it"])


def test_a_node_can_be_the_source(lab: Lab):
    code, rows = pushed(lab, "gpu[01-02]", "--from", "gpu01")

    wanted = image_id(lab.room["gpu01"])
    assert (code, list(rows)) == (0, ["gpu02"])
    assert (rows["gpu02"]["state"], image_id(lab.room["gpu02"])) == ("loaded", wanted)


def test_a_push_that_is_interrupted_leaves_nothing(lab: Lab):
    gpu02 = lab.room["gpu02"]
    running = lab.controller.start("images", "push", lab.image, "gpu02", "--inventory", lab.file)
    wait_until(lambda: "docker load" in gpu02.inside("ps", "-eo", "args"))
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=30)

    assert running.returncode == 130, said
    wait_until(lambda: left(gpu02) == "")
    assert image_id(gpu02) == ""


def test_an_image_that_is_not_there_cannot_be_sent(lab: Lab):
    words = ("images", "push", "localhost:1/none", "--inventory", lab.file)

    assert lab.error(*words, "gpu02") == (
        1,
        "Error: there is no image localhost:1/none:latest here.\n"
        "Fix: build or pull it here, or say with `--from` which node has it\n",
    )
    assert lab.error(*words, "gpu01", "--from", "gpu02") == (
        1,
        "Error: there is no image localhost:1/none:latest on gpu02.\n"
        "Fix: build or pull it on gpu02, or say with `--from` which node has it\n",
    )

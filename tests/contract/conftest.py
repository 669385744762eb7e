"""The places that every promise is tested in: this machine, over a real sshd, in a container."""

from __future__ import annotations

import contextlib
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.transports.base import Transport
from clusterkit.transports.docker import DockerTransport
from clusterkit.transports.local import LocalTransport
from clusterkit.transports.ssh import SshTransport
from tests.contract.sshd import Sshd, running_sshd


@dataclass(frozen=True)
class Place:
    """A node called ``here``: how it is reached, and a folder there for one test."""

    kind: str
    transport: Transport
    folder: str
    cut: Callable[[], None] | None = None
    """Break the connection, as it would from outside; None where there is none to break."""


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


@dataclass
class Boxes:
    """Containers of one session of tests, made when asked for."""

    image: str
    names: list[str] = field(default_factory=list)

    def new(self) -> str:
        name = f"clusterkit-contract-{uuid.uuid4().hex[:12]}"
        self.names.append(name)
        _docker("run", "-d", "--init", "--network=none", "--name", name, self.image, *_IDLE)
        return name


_IDLE = ("sleep", "3600")


@pytest.fixture(scope="session")
def boxes(base_image: str) -> Iterator[Boxes]:
    boxes = Boxes(base_image)
    try:
        yield boxes
    finally:
        if boxes.names:
            _docker("rm", "-f", "-v", *boxes.names)


@pytest.fixture(scope="session")
def box(boxes: Boxes) -> str:
    return boxes.new()


@pytest.fixture(params=["local", "ssh", "docker"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    match request.param:
        case "local":
            place = Place("local", LocalTransport("here"), str(tmp_path))
        case "ssh":
            sshd = request.getfixturevalue("sshd")
            place = Place("ssh", SshTransport("here", sshd.address), str(tmp_path), sshd.cut)
        case _:
            name = request.getfixturevalue("box")
            folder = f"/srv/{uuid.uuid4().hex}"
            place = Place("docker", DockerTransport("here", name), folder)
    with contextlib.closing(place.transport):
        place.transport.run(Command(("mkdir", "-p", place.folder))).check()
        yield place
        place.transport.run(Command(("rm", "-rf", place.folder)))


def _docker(*words: str) -> None:
    subprocess.run(["docker", *words], check=True, capture_output=True)


def poll_until(question: Callable[[], bool], timeout_s: float = 10) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + timeout_s
    while not question():
        assert time.monotonic() < deadline, f"not so within {timeout_s} s"
        time.sleep(0.02)

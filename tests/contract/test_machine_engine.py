"""A machine's own Docker engine, over the connection to the machine: on a real one."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import docker
import pytest

from clusterkit.command import Command, DockerCall, DockerLook, Put
from clusterkit.errors import ClusterkitError, NotOurs, TransportError
from clusterkit.transports.machine_engine import MachineEngine
from clusterkit.transports.ssh import SshAddress, SshTransport
from tests.e2e.inner_engine import OPTIONS, load_image, start_engine, stop_engine
from tests.e2e.machine_image import machine_image
from tests.e2e.machines import Machine, Machines, Spec, machines
from tests.inside import run_inside

LABELS = {"clusterkit.cluster": "lab"}
LET_IN = 'umask 077; mkdir -p ~/.ssh; printf %s "$0" > ~/.ssh/authorized_keys'
NOTHING_LEFT = "ls /var/lib/docker/tmp; docker images -qf dangling=true; pgrep -f 'docker loa[d]'"


@dataclass(frozen=True)
class Place:
    """The machine, what it runs, and its engine as clusterkit sees it."""

    room: Machines
    image: str

    @property
    def machine(self) -> Machine:
        return self.room["gpu01"]

    @contextlib.contextmanager
    def engine(self, name: str = "gpu01", user: str = "ubuntu") -> Iterator[MachineEngine]:
        with self.transport(name, user) as transport:
            engine = MachineEngine(transport)
            with contextlib.closing(engine):
                yield engine

    @contextlib.contextmanager
    def transport(self, name: str = "gpu01", user: str = "ubuntu") -> Iterator[SshTransport]:
        person, machine = self.room.person, self.room[name]
        address = SshAddress(
            machine.host, machine.port, user, person.key_file, known_hosts=person.known_hosts
        )
        with contextlib.closing(SshTransport(name, address)) as transport:
            yield transport

    def left(self) -> str:
        """What a load that broke off left on the machine."""
        return self.machine.inside("sh", "-c", f"{NOTHING_LEFT}; true")


@pytest.fixture(scope="module")
def place(
    docker_host: docker.DockerClient,
    base_image: str,
    mpi_image: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    bare = machine_image(docker_host, mpi_image)
    with_docker = machine_image(docker_host, mpi_image, "docker")
    specs = (Spec("gpu01", image=with_docker, options=OPTIONS), Spec("bare"))
    with machines(docker_host, bare, tmp_path_factory.mktemp("person"), *specs) as room:
        start_engine(room["gpu01"])
        load_image(room["gpu01"], base_image)
        keys = room["gpu01"].authorized_keys()
        room["gpu01"].inside("sh", "-c", LET_IN, keys, user="ada")
        yield Place(room, base_image)


@pytest.fixture
def engine(place: Place) -> Iterator[MachineEngine]:
    with place.engine() as engine:
        yield engine


def create(engine: MachineEngine, image: str, name: str, *files: Put) -> str:
    arguments = {"image": image, "command": ["sleep", "600"], "labels": LABELS, "network": "host"}
    return engine.apply(DockerCall("create", name, arguments, files)).stdout


def look(engine: MachineEngine, *images: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(engine.look(DockerLook("lab", images=images)).stdout)
    return answer


def test_a_container_from_creation_to_its_end(place: Place, engine: MachineEngine):
    number = create(engine, place.image, "lab-one", Put("/etc/a/b", b"first", 0o600))
    try:
        engine.apply(DockerCall("start", "lab-one"))
        engine.apply(DockerCall("put", "lab-one", files=(Put("/etc/a/c", b"second"),)))
        seen = look(engine, place.image, "none:1")
        read = place.machine.inside("docker", "exec", "lab-one", "cat", "/etc/a/b", "/etc/a/c")

        row = seen["containers"][0]
        assert (row["name"], row["id"], row["state"]) == ("lab-one", number, "running")
        assert (row["labels"], row["addresses"]) == (LABELS, {"host": ""})
        assert (seen["images"]["none:1"], read) == (None, "firstsecond")
        image = place.room.engine.images.get(place.image)
        assert seen["images"][place.image]["id"] == image.id == row["image_id"]
        with pytest.raises(NotOurs):
            create(engine, place.image, "lab-one")
        engine.apply(DockerCall("restart", "lab-one"))
    finally:
        engine.apply(DockerCall("remove", "lab-one"))
    engine.apply(DockerCall("remove", "lab-one"))
    assert look(engine)["containers"] == []


def test_large_files_and_looks_at_the_same_time(place: Place, engine: MachineEngine):
    content = uuid.uuid4().bytes * (50_000_000 // 16)
    names = [f"lab-{number}" for number in range(4)]

    def put(name: str) -> None:
        create(engine, place.image, name, Put("/srv/large", content if name == "lab-0" else b"x"))

    try:
        with ThreadPoolExecutor(24) as pool:
            made = [pool.submit(put, name) for name in names]
            looks = [pool.submit(look, engine, place.image) for _ in range(20)]
            assert [future.result(120) for future in made] == [None] * 4
            assert all(future.result(120)["images"][place.image] for future in looks)
        assert [row["name"] for row in look(engine)["containers"]] == names
        copy = ("docker", "cp", "lab-0:/srv/large", "-")
        _, copied = run_inside(place.machine.container, *copy)
        with tarfile.open(fileobj=io.BytesIO(copied)) as archive:
            stored = archive.extractfile("large")
            assert stored is not None
            assert stored.read() == content
    finally:
        for name in names:
            engine.apply(DockerCall("remove", name))


def test_an_image_is_saved_as_docker_save_writes_it(place: Place, engine: MachineEngine):
    saved = io.BytesIO(b"".join(engine.save(place.image)))

    with tarfile.open(fileobj=saved) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        (only,) = json.loads(manifest.read())
    image = place.room.engine.images.get(place.image)
    assert only["RepoTags"] == [place.image]
    assert image.id.removeprefix("sha256:") in only["Config"]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.999])
def test_a_load_that_breaks_off_leaves_nothing(place: Place, engine: MachineEngine, share: float):
    whole = b"".join(engine.save(place.image))
    part = whole[: int(len(whole) * share)]
    before = place.machine.inside("docker", "image", "ls", "--all", "-q")

    def broken() -> Iterator[bytes]:
        yield part
        raise ClusterkitError("the source is gone")

    with place.transport() as transport, pytest.raises(ClusterkitError, match="source is gone"):
        transport.feed(Command(("docker", "load", "--quiet")), broken())

    wait_until(lambda: place.left() == "")
    assert place.machine.inside("docker", "image", "ls", "--all", "-q") == before


def test_an_image_that_no_registry_gives(engine: MachineEngine):
    with pytest.raises(ClusterkitError) as caught:
        engine.apply(DockerCall("pull", "localhost:1/none:1"))

    what, _, fix = str(caught.value).partition(" Fix: ")
    assert what.startswith("gpu01: image localhost:1/none:1 is not there and cannot be pulled: ")
    assert fix == (
        "check the name; or send it from here: "
        "`clusterkit images push localhost:1/none:1 --inventory INVENTORY`"
    )


def test_a_machine_without_docker(place: Place):
    assert silent(place, "bare", "ubuntu") == (
        "bare: there is no Docker on this machine. Fix: install it; `clusterkit doctor` prints "
        "the lines for this distribution"
    )


def test_a_user_whom_docker_does_not_let_in(place: Place):
    what, _, fix = silent(place, "gpu01", "ada").partition(" Fix: ")

    assert what.startswith("gpu01: Docker on this machine does not let the user in: ")
    assert fix == '`sudo usermod -aG docker "$USER"` there, and run it again'


def test_an_engine_that_stops_between_two_looks(place: Place):
    with place.engine() as engine:
        look(engine)
        stop_engine(place.machine)
        try:
            with pytest.raises(TransportError) as caught:
                look(engine)
            assert str(caught.value) == silent(place, "gpu01", "ubuntu")
        finally:
            start_engine(place.machine)
        assert look(engine)["containers"] == []

    what, _, fix = str(caught.value).partition(" Fix: ")
    assert what.startswith("gpu01: Docker on this machine does not answer: Cannot connect to the ")
    assert fix == "start it there (`sudo systemctl start docker`)"


def silent(place: Place, name: str, user: str) -> str:
    with place.engine(name, user) as engine, pytest.raises(TransportError) as caught:
        look(engine)
    return str(caught.value)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)

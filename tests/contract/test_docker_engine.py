"""What the Docker engine is asked and told, on a real one."""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from clusterkit.command import DockerCall, DockerLook, DockerOperation, Put
from clusterkit.errors import ClusterkitError, NotOurs
from clusterkit.transports.docker_engine import DockerEngine
from tests.inside import run_inside

KEY = Put("/etc/clusterkit/ssh/key", b"secret", 0o600)
CONFIG = Put("/etc/clusterkit/config", b"public")


@dataclass(frozen=True)
class Cluster:
    """Names that are ours alone, and a network for them."""

    engine: DockerEngine
    name: str
    subnet: str
    image: str

    @property
    def labels(self) -> dict[str, str]:
        return {"clusterkit.cluster": self.name}

    def address(self, number: int) -> str:
        return self.subnet.replace("0/24", str(number))

    def ask(self, operation: DockerOperation, name: str, *files: Put, **arguments: Any) -> str:
        call = DockerCall(operation, f"{self.name}-{name}", arguments, files)
        return self.engine.apply(call).stdout

    def create(self, name: str, *files: Put, **arguments: Any) -> str:
        default = {"image": self.image, "command": ["sleep", "3600"], "labels": self.labels}
        network = {"network": f"{self.name}-net", "init": True}
        return self.ask("create", name, *files, **(default | network | arguments))

    def error(self, operation: DockerOperation, name: str, **arguments: Any) -> str:
        with pytest.raises(ClusterkitError) as raised:
            self.ask(operation, name, **arguments)
        return str(raised.value)

    def look(self, **question: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(
            self.engine.look(DockerLook(self.name, **question)).stdout
        )
        return answer


@pytest.fixture(scope="module")
def cluster(base_image: str) -> Iterator[Cluster]:
    name = f"contract-{uuid.uuid4().hex[:8]}"
    engine = DockerEngine()
    cluster = _with_network(engine, name, base_image)
    try:
        yield cluster
    finally:
        left = cluster.look(names=(f"{name}-taken",))
        for kind, operation in (("containers", "remove"), ("volumes", "remove-volume")):
            for thing in left[kind]:
                engine.apply(DockerCall(operation, thing["name"]))  # type: ignore[arg-type]
        cluster.ask("remove-network", "net")
        assert [cluster.look()[kind] for kind in ("containers", "volumes")] == [[], []]
        engine.close()


def _with_network(engine: DockerEngine, name: str, image: str) -> Cluster:
    for _ in range(20):
        subnet = f"10.{random.randint(64, 250)}.{random.randint(0, 255)}.0/24"  # noqa: S311
        cluster = Cluster(engine, name, subnet, image)
        try:
            cluster.ask("network", "net", subnet=subnet, labels=cluster.labels)
        except ClusterkitError as error:
            if "overlaps" not in str(error):
                raise
        else:
            return cluster
    raise AssertionError("no subnet is free")


def test_a_container_from_creation_to_its_end(cluster: Cluster) -> None:
    name, address = f"{cluster.name}-whole", cluster.address(11)
    cluster.ask("volume", "data", labels=cluster.labels)
    mounts = [{"type": "volume", "source": f"{cluster.name}-data", "target": "/data"}]

    number = cluster.create(
        "whole",
        KEY,
        CONFIG,
        hostname="node1",
        env={"A": "b c"},
        address=address,
        aliases=["node1"],
        mounts=mounts,
        shm_size="64m",
        ulimits={"nofile": 4096},
    )
    look = cluster.look(images=(cluster.image, "no-such:1"))

    row = look["containers"][0]
    assert row | {"started_at": "", "image_id": ""} == {
        "name": name,
        "id": number,
        "labels": cluster.labels,
        "state": "created",
        "exit_code": 0,
        "out_of_memory": False,
        "image": cluster.image,
        "image_id": "",
        "addresses": {f"{cluster.name}-net": address},
        "started_at": "",
    }
    assert look["images"]["no-such:1"] is None
    assert look["images"][cluster.image]["id"] == row["image_id"]
    assert look["volumes"] == [{"name": f"{cluster.name}-data", "labels": cluster.labels}]
    network = next(net for net in look["networks"] if net["name"] == f"{cluster.name}-net")
    assert (network["subnets"], network["labels"]) == ([cluster.subnet], cluster.labels)
    assert {"bridge", "host", "none"} <= {net["name"] for net in look["networks"]}

    cluster.ask("start", "whole")
    cluster.ask("start", "whole")
    changed = Put(CONFIG.path, b"other")
    cluster.ask("put", "whole", changed)
    assert cluster.look()["containers"][0]["state"] == "running"
    inside = 'hostname; echo "$A"; ulimit -n; df /dev/shm --output=size | tail -1; ls -d /data; '
    inside += "stat -c %a:%u /etc/clusterkit /etc/clusterkit/ssh; "
    inside += f"stat -c %a:%u {KEY.path} {CONFIG.path}; cat {KEY.path} {CONFIG.path}"
    shown = _docker("exec", name, "sh", "-c", inside).split()
    files = [f"{KEY.mode:o}:0", f"{CONFIG.mode:o}:0", KEY.content.decode() + "other"]
    assert shown == ["node1", "b", "c", "4096", "65536", "/data", "755:0", "755:0", *files]

    _docker("pause", name)
    cluster.ask("restart", "whole")
    assert cluster.look()["containers"][0]["state"] == "running"

    for _ in range(2):  # what is gone already is as it should be
        cluster.ask("remove", "whole")
        cluster.ask("remove-volume", "data")
    assert (cluster.look()["containers"], cluster.look()["volumes"]) == ([], [])


def test_a_volume_that_exists_answers_with_the_labels_of_the_first(cluster: Cluster) -> None:
    first = cluster.ask("volume", "lock", labels=cluster.labels | {"holder": "me"})

    second = cluster.ask("volume", "lock", labels={"holder": "you"})

    labels = cluster.labels | {"holder": "me"}
    assert (
        json.loads(first)
        == json.loads(second)
        == {
            "name": f"{cluster.name}-lock",
            "labels": labels,
        }
    )
    cluster.ask("remove-volume", "lock")


def test_names_that_are_taken_are_not_ours(cluster: Cluster) -> None:
    cluster.create("taken", labels={})

    assert [row["name"] for row in cluster.look(names=(f"{cluster.name}-taken",))["containers"]]
    for operation, name in (("create", "taken"), ("network", "net")):
        with pytest.raises(NotOurs) as raised:
            cluster.ask(operation, name, image=cluster.image, command=["true"])  # type: ignore[arg-type]
        assert str(raised.value) == (
            f"something named {cluster.name}-{name} exists already on this Docker host. "
            "Fix: rename the cluster, or remove it yourself"
        )
    cluster.ask("remove", "taken")


def test_what_a_machine_refuses_is_said_with_a_fix(cluster: Cluster) -> None:
    name = cluster.name
    assert cluster.error("network", "two", subnet=cluster.subnet) == (
        f"the subnet {cluster.subnet} of network {name}-two overlaps one that this machine "
        "uses. Fix: choose another `network.subnet`"
    )
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cluster.create("port", ports=[f"127.0.0.1:{port}:80"])
        assert cluster.error("start", "port") == (
            f"{name}-port: port {port} of the host is taken. "
            "Fix: choose another in `ports`, or stop what listens there"
        )
    cluster.create("one", address=cluster.address(20))
    cluster.ask("start", "one")
    cluster.create("two", address=cluster.address(20))
    assert cluster.error("start", "two") == (
        f"{name}-two: the address that it has is taken on its network. "
        "Fix: choose another address, or remove the container that has it"
    )
    assert cluster.error("create", "image", image="no-such-image:1") == (
        "image no-such-image:1 is not on this Docker host and cannot be pulled: "
        "No such image: no-such-image:1. Fix: check the name, or add `build:` to the "
        "container's section"
    )


def test_gpus_without_the_toolkit(cluster: Cluster) -> None:
    if shutil.which("nvidia-container-cli"):
        pytest.skip("this Docker host has the NVIDIA container toolkit")
    cluster.create("gpu", gpus=[0])

    assert cluster.error("start", "gpu") == (
        f"{cluster.name}-gpu: this Docker host has no support for GPUs. "
        "Fix: install the NVIDIA container toolkit, or take `gpus` out of the inventory"
    )


def test_devices_of_the_host(cluster: Cluster, docker_host: docker.DockerClient) -> None:
    cluster.create("devices", devices=["/dev/net", "/dev/full"])
    cluster.ask("start", "devices")
    cluster.create("without", devices=["/dev/infinibond"])

    container = docker_host.containers.get(f"{cluster.name}-devices")
    code, said = run_inside(container, "ls", "/dev/full", "/dev/net")

    assert (code, said.decode().split()) == (0, ["/dev/full", "/dev/net:", "tun"])
    assert cluster.error("start", "without") == (
        f"{cluster.name}-without: there is no device /dev/infinibond on this Docker host. "
        "Fix: load its driver, or take it out of `devices` in the inventory"
    )


def test_a_ulimit_that_is_refused(cluster: Cluster) -> None:
    cluster.create("limit", ulimits={"memlock": -1})
    try:
        cluster.ask("start", "limit")
    except ClusterkitError as error:
        said = str(error)
    else:
        pytest.skip("this machine allows every memlock")

    assert said == (
        f"{cluster.name}-limit: this machine refuses the ulimit memlock: operation not "
        "permitted. Fix: take `ulimits.memlock` out of the inventory, "
        "or run dockerd with CAP_SYS_RESOURCE"
    )


def test_a_build_and_its_progress(cluster: Cluster, tmp_path: Path) -> None:
    context, elsewhere = tmp_path / "context", tmp_path / "Elsewhere"
    context.mkdir()
    (context / "file").write_text("x")
    elsewhere.write_text(f"FROM {cluster.image}\nARG WORD\nCOPY file /file\nRUN echo say $WORD\n")
    arguments: dict[str, Any] = {"context": str(context), "dockerfile": str(elsewhere)}
    arguments |= {"args": {"WORD": "hello"}, "network": "none", "labels": cluster.labels}
    lines: list[str] = []
    image = f"{cluster.name}:1"
    try:
        built = cluster.engine.apply(DockerCall("build", image, arguments), lines.append)

        seen = cluster.look(images=(image,))["images"][image]
        assert (seen["id"], seen["labels"]) == (built.stdout, cluster.labels)
        assert "say hello" in lines
    finally:
        _docker("rmi", image)

    elsewhere.write_text(f"FROM {cluster.image}\nRUN echo before; exit 7\n")
    with pytest.raises(ClusterkitError) as raised:
        cluster.engine.apply(DockerCall("build", image, arguments))
    first, *log = str(raised.value).splitlines()
    assert first == (
        f"image {image} was not built. Fix: mend the Dockerfile; the build ended with"
    )
    assert "before" in log
    assert log[-1].endswith("returned a non-zero code: 7")


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout

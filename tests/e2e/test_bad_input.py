"""What cannot be: a clear message, the exit code that says whose fault it is, nothing left."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from tests.e2e.controller import CLUSTERKIT, REPOSITORY
from tests.e2e.pair import NOTHING, Pair


@pytest.fixture
def refused(described: Pair) -> Iterator[Pair]:
    """A cluster that does not come up; whatever a test does to it, nothing of it is left."""
    yield described
    assert described.left() == NOTHING


def error(pair: Pair, **parts: object) -> tuple[int, str]:
    """The exit code and the message of an `up` that is refused."""
    if parts:
        pair.describe(**parts)
    done = pair("up", pair.file, "--yes")
    assert done.stdout == ""
    return done.returncode, "Error: " + done.stderr.partition("Error: ")[2]


HEAD = "cluster: {name}\nprovider: docker\n"
TAIL = "network: {{subnet: 10.64.0.0/24}}\ncontainer: {{image: x}}\n"
TEXTS = {
    "not YAML": (
        "nodes: [1\nb: }}\n",
        "2: not YAML: expected ',' or ']', but got ':'. "
        "Fix: check quotes, brackets and indentation on this line and the one before",
    ),
    "unknown key": (
        HEAD + "nodes: {{node1: {{slot: 2}}}}\n" + TAIL,
        "3: nodes.node1.slot: unknown key. Fix: did you mean `slots`?",
    ),
    "duplicate node": (
        HEAD + "nodes:\n  node1: {{}}\n  node1: {{}}\n" + TAIL,
        "5: nodes.node1: is already on line 4. Fix: join the two, or take one out",
    ),
    "a node in two sets": (
        HEAD + "nodes:\n  node[1-2]: {{}}\n  node[2-3]: {{}}\n" + TAIL,
        "5: nodes.node[2-3]: node node2 is also in `node[1-2]`. Fix: name each node once",
    ),
    "overlapping addresses": (
        HEAD + "nodes:\n  a: {{address: 10.64.0.9}}\n  b: {{address: 10.64.0.9}}\n" + TAIL,
        "5: nodes.b.address: 10.64.0.9 is the address of a as well. Fix: give each node its own",
    ),
    "an address outside the subnet": (
        HEAD + "nodes:\n  a: {{address: 10.65.0.9}}\n" + TAIL,
        "4: nodes.a.address: 10.65.0.9 is outside the subnet 10.64.0.0/24. "
        "Fix: use one from 10.64.0.2 to 10.64.0.254",
    ),
}


@pytest.mark.parametrize(("text", "message"), TEXTS.values(), ids=TEXTS)
def test_a_file_that_is_wrong(refused: Pair, text: str, message: str):
    refused.file.write_text(text.format(name=refused.name))

    assert error(refused) == (2, f"Error: 1 mistake\n  {refused.file}:{message}\n")


def test_a_subnet_that_is_taken(refused: Pair):
    half = refused.subnet.replace("/24", "/25")
    with network(refused, half) as other:
        seen = error(refused)

    assert seen == (
        1,
        f"Error: subnet {refused.subnet} is taken: the Docker network {other} has {half}.\n"
        "Fix: choose another `network.subnet` in the inventory (and its addresses)\n",
    )


@contextmanager
def network(pair: Pair, subnet: str) -> Iterator[str]:
    """The name of somebody else's network."""
    ipam = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)])
    made = pair.engine.networks.create(f"{pair.name}-other", ipam=ipam)
    try:
        yield str(made.name)
    finally:
        made.remove()


def test_docker_that_does_not_run(refused: Pair, monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")

    assert error(refused) == (
        4,
        f"Error: localhost: Docker does not answer at unix://{tmp_path}/none.sock: "
        "No such file or directory.\n"
        "Fix: start it (`systemctl start docker`), or set DOCKER_HOST\n",
    )


def test_docker_that_does_not_let_the_user_in(refused: Pair):
    """A socket that nobody may use; root may, so the CLI runs as another user."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        place, file = Path(folder, "docker.sock"), Path(folder, "pair.yaml")
        listener.bind(str(place))
        place.chmod(0)
        file.write_text(refused.file.read_text())
        file.chmod(0o644)
        Path(folder).chmod(0o777)
        env = refused.controller.environment | {
            "DOCKER_HOST": f"unix://{place}",
            "CLUSTERKIT_HOME": f"{folder}/home",
        }
        argv = [*AS_NOBODY, *CLUSTERKIT, "up", str(file), "--yes"]
        done = subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True)
        files = [path for path in Path(folder, "home").rglob("*") if path.is_file()]

    assert (done.returncode, done.stderr, files) == (
        4,
        f"Error: localhost: Docker at unix://{place} does not let this user in: "
        "Permission denied.\nFix: add your user to group docker "
        "(`sudo usermod -aG docker $USER`) and log in again\n",
        [],
    )


AS_NOBODY = (
    ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
    if os.geteuid() == 0
    else ()
)


def test_an_image_that_is_nowhere(refused: Pair):
    image = f"localhost:1/{refused.name}"

    code, message = error(refused, container={"image": image})

    assert code == 1
    assert message.startswith(
        f"Error: image {image} is not on this Docker host and cannot be pulled: "
    )
    assert message.endswith("\nFix: check the name, or add `build:` to the container's section\n")


def test_a_ulimit_that_the_machine_refuses(refused: Pair):
    ulimits = {"nofile": 2**40}
    container = {"image": refused.image, "ulimits": ulimits}

    seen = error(refused, container=container)

    why = "this machine refuses the ulimit nofile: operation not permitted."
    assert seen == (
        1,
        f"Error: 2 nodes failed\n  node1: {refused.name}-node1: {why}\n"
        f"  node2: {refused.name}-node2: {why}\n"
        "Fix: take `ulimits.nofile` out of the inventory, or run dockerd with CAP_SYS_RESOURCE\n",
    )


def test_a_gpu_on_a_host_without_one(refused: Pair):
    if "nvidia" in refused.engine.info()["Runtimes"]:
        pytest.skip("this Docker host has support for GPUs")

    seen = error(refused, nodes={"node1": {"gpus": [0]}})

    assert seen == (
        1,
        f"Error: {refused.name}-node1: this Docker host has no support for GPUs.\n"
        "Fix: install the NVIDIA container toolkit, or take `gpus` out of the inventory\n",
    )


def test_a_container_that_is_not_ours_is_never_touched(refused: Pair):
    other = refused.engine.containers.run(
        refused.image,
        ["sleep", "600"],
        name=f"{refused.name}-node2",
        detach=True,
        network_mode="none",
    )
    try:
        seen = error(refused)
        down = refused("down", "--inventory", refused.file, "--yes")
        other.reload()
        after = (other.id, other.status)
    finally:
        other.remove(force=True)

    assert seen == (
        1,
        f"Error: node2: a container named {refused.name}-node2 exists that clusterkit did not "
        "make.\nFix: rename the cluster, or remove that container yourself\n",
    )
    assert (down.returncode, after) == (0, (other.id, "running"))


def test_a_port_that_is_taken(refused: Pair):
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - as Docker would
        port = listener.getsockname()[1]
        node1 = {"slots": 2, "container": {"ports": [f"{port}:80"]}}
        seen = error(refused, nodes={"node1": node1, "node2": {"slots": 2}})

    assert seen == (
        1,
        f"Error: 1 node failed\n  node1: {refused.name}-node1: port {port} of the host is taken.\n"
        "Fix: choose another in `ports`, or stop what listens there\n",
    )


def test_a_folder_to_mount_that_is_not_there(refused: Pair):
    mounts = [{"source": str(refused.folder / "none"), "path": "/data"}]

    seen = error(
        refused, nodes={"node1": {}}, container={"image": refused.image, "mounts": mounts}
    )

    assert seen == (
        1,
        f"Error: {refused.name}-node1: there is no folder {refused.folder}/none on this Docker "
        "host.\nFix: make it, or correct `mounts` in the inventory\n",
    )


@pytest.mark.parametrize("verb", [("mpi-hello",), ("infer", "--prompt", "x")])
def test_before_up_there_is_no_cluster_to_ask(refused: Pair, verb):
    unknown = refused(*verb)
    by_file = refused(*verb, "--inventory", refused.file)

    assert (unknown.returncode, unknown.stderr) == (
        2,
        "Error: no cluster is current.\n"
        "Fix: bring one up with `clusterkit up INVENTORY` (see `clusterkit init`)\n",
    )
    assert (by_file.returncode, by_file.stderr) == (
        2,
        f"Error: cluster {refused.name} is not up, or not completely.\n"
        "Fix: run `clusterkit up INVENTORY`\n",
    )


def test_a_cluster_that_is_up_stays_as_it_is_when_the_next_up_is_refused(pair: Pair, subnet: str):
    """The state goes back with it: the nodes are still asked where they are."""
    pair.describe(network={"subnet": subnet})
    with network(pair, subnet):
        refused = pair("up", pair.file, "--yes")
    pair.describe()

    assert (refused.returncode, "is taken" in refused.stderr) == (1, True)
    assert pair.answer("mpi-hello")["ok"] is True
    assert pair.planned() == []

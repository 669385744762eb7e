"""`discover` looks at machines as they are, and what it writes is an inventory of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from clusterkit.model.load import load_inventory
from tests.e2e.controller import Controller
from tests.e2e.machines import SHARED, Machines, Spec, machines

SPECS = (
    Spec("gate", user="ada", port=2222),
    Spec("gpu01"),
    Spec("gpu02", user="ada", port=2022),
    Spec("gpu03", behind="gate"),
)


@pytest.fixture(scope="module")
def room(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Machines]:
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *SPECS) as room:
        yield room


@pytest.fixture
def clusterkit(room: Machines, tmp_path: Path) -> Controller:
    return room.controller(tmp_path / "home")


def test_machines_become_an_inventory(room: Machines, clusterkit: Controller, tmp_path: Path):
    """Two users, two ports and a jump host, all from ~/.ssh/config."""
    file = tmp_path / "lab.yaml"

    done = clusterkit("discover", "gate", "gpu[01-03]", "--out", file)

    assert (done.returncode, done.stderr) == (0, "")
    assert f"Wrote {file}.\nNext: clusterkit up {file}\n" in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()[:5]] == [
        "MACHINE", "gate", "gpu01", "gpu02", "gpu03",
    ]  # fmt: skip
    inventory = load_inventory(file)
    cluster = inventory.resolve(base=tmp_path, local_home=tmp_path, local_storage=tmp_path)
    assert (cluster.name, cluster.provider, cluster.subnet) == ("lab", "ssh", room.cluster.subnet)
    assert [(node.name, node.address, node.slots) for node in cluster.nodes] == [
        (name, room[name].address, 1) for name in room.all
    ]
    assert 'gpu[01-03]: {address: "' in file.read_text()
    assert clusterkit("check", file).returncode == 0


def test_the_facts_are_those_of_each_machine(room: Machines, clusterkit: Controller):
    done = clusterkit("discover", "gpu01", "gpu02", "-o", "json")

    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    rows = {row["host"]: row["facts"] for row in answer["machines"]}
    assert {
        name: (facts["hostname"], facts["user"], facts["uid"], facts["home"], facts["sudo"])
        for name, facts in rows.items()
    } == {
        "gpu01": ("gpu01", "ubuntu", 1000, "/home/ubuntu", "passwordless"),
        "gpu02": ("gpu02", "ada", 1001, "/home/ada", "password"),
    }
    assert {name: facts["reached_at"] for name, facts in rows.items()} == {
        name: room[name].host for name in ("gpu01", "gpu02")
    }
    addresses = {
        name: {
            text
            for nic in facts["nics"]
            for text in nic["addresses"]
            if nic["kind"] == "veth" and ":" not in text
        }
        for name, facts in rows.items()
    }
    assert addresses == {
        name: {f"{room[name].host}/24", f"{room[name].address}/24"} for name in rows
    }
    assert [(mpi["flavour"], mpi["version"]) for mpi in rows["gpu01"]["mpis"]] == [
        ("Open MPI", "5.0.11")
    ]
    assert rows["gpu01"]["mpi_on_path"] == {}
    assert [facts["unreadable"] for facts in rows.values()] == [{}, {}]
    # Of two that are as fast, the one by which they are not reached.
    assert [network["subnet"] for network in answer["networks"]] == [
        room.cluster.subnet,
        room.outer.subnet,
    ]


def test_the_other_network_can_be_asked_for(room: Machines, clusterkit: Controller):
    done = clusterkit("discover", "gpu01", "gpu02", "--subnet", room.outer.subnet)

    assert done.returncode == 0
    assert f"subnet: {room.outer.subnet}" in done.stdout
    assert f"# All of them are on {room.cluster.subnet} as well" in done.stdout
    assert done.stderr.startswith("MACHINE ")
    wrong = clusterkit("discover", "gpu01", "gpu02", "--subnet", "10.254.0.0/16")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "no own address in 10.254.0.0/16 on gpu01, gpu02: gpu01 has " in wrong.stderr


def test_machines_that_do_not_answer_are_named_and_the_others_go_on(
    room: Machines, clusterkit: Controller, tmp_path: Path
):
    closed, gone = f"ubuntu@{room['gpu01'].host}:9", "nobody.invalid"

    some = clusterkit("discover", "gpu01", closed, gone, "nobody@gpu02")
    none = clusterkit("discover", closed, closed, f"ada@{room['gpu01'].host}:9")

    assert (some.returncode, none.returncode, none.stdout) == (3, 4, "")
    text = some.stdout
    (tmp_path / "some.yaml").write_text(text)
    inventory = load_inventory(tmp_path / "some.yaml")
    assert [entry.name for entry in inventory.entries()] == ["gpu01"]
    for name, why in ((closed, "refused the connection"), (gone, "is not known")):
        assert f"{name}: " in some.stderr
        assert why in some.stderr
        assert f"# Left out: {name}: " in text
    assert "nobody@gpu02: " in some.stderr


def test_new_host_keys_are_shown_and_pinned(room: Machines, clusterkit: Controller):
    machine = room["gpu01"]
    known = room.person.known_hosts.read_text()
    room.person.known_hosts.write_text("")
    words = ("discover", f"ubuntu@{machine.host}", "--key-file", room.person.key_file)
    try:
        refused = clusterkit(*words)
        first = clusterkit(*words, "--trust", "accept-new")
        again = clusterkit(*words, "--trust", "accept-new")
    finally:
        room.person.known_hosts.write_text(known)

    assert (refused.returncode, "is not known: ssh-ed25519 SHA256:" in refused.stderr) == (4, True)
    assert (first.returncode, again.returncode) == (0, 0)
    assert f"trusted now  {machine.host}: ssh-ed25519 SHA256:" in first.stderr
    assert "trusted now" not in again.stderr
    assert "trust: accept-new" in first.stdout
    assert f"gpu01: {{host: {machine.host}" in first.stdout.replace('"', "")


def test_check_live_finds_the_machines_as_described(
    room: Machines, clusterkit: Controller, tmp_path: Path
):
    file = room.describe(tmp_path / "lab.yaml", "lab")

    done = clusterkit("check", file, "--live")

    assert (done.returncode, done.stderr) == (0, "")
    assert "live      gate,gpu[01-03]: as the inventory says\n" in done.stdout


def test_check_live_tells_every_difference_at_its_line(
    room: Machines, clusterkit: Controller, tmp_path: Path
):
    file = tmp_path / "lab.yaml"
    file.write_text(
        "cluster: lab\n"
        "provider: ssh\n"
        "nodes:\n"
        f"  gpu01: {{address: {room['gpu02'].address}, gpus: 0-1}}\n"
        f"  gpu02: {{slots: 999, python: /nowhere/python}}\n"
        f"  gpu09: {{host: nobody.invalid}}\n"
        f"network: {{subnet: {room.cluster.subnet}}}\n"
        "storage: {kind: bind, path: /mnt/nothing}\n"
        "engine: {model: smollm2-135m}\n"
    )

    done = clusterkit("check", file, "--live")

    cores = json.loads(clusterkit("discover", "gpu02", "-o", "json").stdout)["machines"][0][
        "facts"
    ]["cores"]
    assert (done.returncode, done.stdout) == (2, "")
    lines = [line.strip().removeprefix(f"{file}:") for line in done.stderr.splitlines()[1:]]
    assert [line.partition(". Fix:")[0] for line in lines] == [
        "4: nodes.gpu01.gpus: gpu01: no GPU 0-1: nvidia-smi shows none",
        f"4: nodes.gpu01.address: gpu01: {room['gpu02'].address} is no address of this machine: "
        f"it has {room['gpu01'].address} (eth0), {room['gpu01'].host} (eth1); it is one of gpu02",
        f"5: nodes.gpu02.slots: gpu02: 999 slots, and the machine has {cores} cores",
        "5: nodes.gpu02.python: gpu02: /nowhere/python is not there",
        "6: nodes.gpu09.host: gpu09: the name nobody.invalid is not known",
        "8: storage.path: gpu[01-02]: /mnt/nothing is not there",
    ]


def test_check_live_without_an_answer_is_no_difference(
    room: Machines, clusterkit: Controller, tmp_path: Path
):
    some, none = tmp_path / "some.yaml", tmp_path / "none.yaml"
    head = "cluster: lab\nprovider: ssh\nengine: {model: smollm2-135m}\nnodes:\n"
    net = f"network: {{subnet: {room.cluster.subnet}}}\n"
    some.write_text(f"{head}  gpu01:\n  gpu09: {{host: nobody.invalid}}\n{net}")
    none.write_text(f"{head}  gpu09: {{host: nobody.invalid}}\n")

    assert [clusterkit("check", file, "--live").returncode for file in (some, none)] == [3, 4]


def test_what_was_discovered_comes_up(room: Machines, clusterkit: Controller, tmp_path: Path):
    """From a list of machines to ranks that report; of the text, one comment is taken away."""
    file = tmp_path / "lab.yaml"
    assert clusterkit("discover", "gpu[01-02]", "--name", "found", "--out", file).returncode == 0
    shared = f"storage: {{kind: bind, path: {SHARED}}}"
    assert f"# {shared}" in file.read_text()
    file.write_text(file.read_text().replace(f"# {shared}", shared))
    try:
        up = clusterkit("up", file, "--yes")
        assert up.returncode == 0, up.stderr
        hello = clusterkit("mpi-hello", "-o", "json")
        wide = clusterkit("status", "-o", "wide")
    finally:
        down = clusterkit("down", "-c", "found", "--yes")

    assert (hello.returncode, down.returncode) == (0, 0)
    assert [rank["node"] for rank in json.loads(hello.stdout)["ranks"]] == ["gpu01", "gpu02"]
    row = next(line for line in wide.stdout.splitlines() if "Debian" in line)
    assert f"eth0 {room['gpu01'].address}/24" in row

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit.checks.drift import drift
from clusterkit.errors import FileMistakes
from clusterkit.facts import Docker, Gpu, MachineFacts, Nic
from clusterkit.model.load import load_inventory
from clusterkit.model.source import read_yaml

LAB = """\
cluster: lab
provider: ssh
python: /opt/venv/bin/python
nodes:
  gpu[1-2]: {address: "10.0.0.[11-12]", slots: 4, gpus: 0-3}
  cpu1: {slots: 8}
network: {subnet: 10.0.0.0/24}
storage: {kind: bind, path: /mnt/shared}
engine: {model: smollm2-135m}
"""
IN_DOCKER = """\
cluster: lab
provider: ssh
runtime: docker
nodes:
  gpu1: {gpus: [0]}
container: {image: some/image}
storage: {kind: bind, path: /srv/shared}
engine: {model: smollm2-135m}
"""
CONTAINERS = """\
cluster: lab
provider: docker
nodes:
  node[1-2]: {slots: 64}
network: {subnet: 10.0.0.0/24}
container: {image: some/image}
"""
WITH_GPUS = Docker("27.1", "27.1", has_nvidia_runtime=True)


def machine(name: str, address: str = "", *, gpus: int = 4, nic: str = "eth0") -> MachineFacts:
    return MachineFacts(
        name,
        cores=8,
        gpus=tuple(Gpu(index, f"GPU-{index}", "H200", 1) for index in range(gpus)),
        nics=(
            Nic("lo", "loopback", addresses=("127.0.0.1/8",)),
            Nic(nic, "physical", "up", (f"{address}/24", "fe80::1/64") if address else ()),
        ),
        docker=WITH_GPUS,
        paths={"/opt/venv/bin/python": "program", "/mnt/shared": "folder"},
    )


SEEN = {
    "gpu1": machine("gpu1", "10.0.0.11"),
    "gpu2": machine("gpu2", "10.0.0.12"),
    "cpu1": machine("cpu1", "10.0.0.13", gpus=0),
}


def told(tmp_path: Path, text: str, seen: dict[str, MachineFacts]) -> list[str]:
    """Every difference as it is printed, without the folder."""
    file = tmp_path / "lab.yaml"
    file.write_text(text)
    inventory = load_inventory(file)
    cluster = inventory.resolve(base=tmp_path, local_home=tmp_path, local_storage=tmp_path)
    found = drift(inventory, cluster, seen)
    try:
        read_yaml(file).report(found)
    except FileMistakes as error:
        return [problem.removeprefix(f"{tmp_path}/") for problem in error.problems]
    return []


def test_machines_that_are_as_the_inventory_says(tmp_path: Path):
    assert told(tmp_path, LAB, SEEN) == []
    assert told(tmp_path, LAB, {}) == []
    assert told(tmp_path, IN_DOCKER, {"gpu1": machine("gpu1")}) == []
    assert told(tmp_path, CONTAINERS, {"node1": machine("here"), "node2": machine("here")}) == []


def test_every_difference_has_its_line_and_nodes_of_a_set_share_it(tmp_path: Path):
    seen = {
        "gpu1": replace(SEEN["gpu1"], gpus=SEEN["gpu1"].gpus[:2], gpus_on_bus=4),
        "gpu2": replace(SEEN["gpu2"], gpus=SEEN["gpu2"].gpus[:2], gpus_on_bus=4),
        "cpu1": replace(
            SEEN["cpu1"],
            cores=4,
            paths={"/opt/venv/bin/python": "absent", "/mnt/shared": "file"},
            nics=SEEN["gpu1"].nics[:1],
        ),
    }

    assert told(tmp_path, LAB, seen) == [
        "lab.yaml:3: python: cpu1: /opt/venv/bin/python is not there. "
        "Fix: correct `python`, or make it there",
        "lab.yaml:5: nodes.gpu[1-2].gpus: gpu[1-2]: no GPU 2-3: nvidia-smi shows 0-1, and the bus "
        "4 GPUs. Fix: correct `gpus`, or mend the driver there",
        "lab.yaml:5: nodes.gpu[1-2].slots: gpu[1-2]: 4 slots, and the machine has 2 GPUs. "
        "Fix: lower `slots` to 2",
        "lab.yaml:6: nodes.cpu1.slots: cpu1: 8 slots, and the machine has 4 cores. "
        "Fix: lower `slots` to 4",
        "lab.yaml:7: network.subnet: cpu1: no address in 10.0.0.0/24: it has none. "
        "Fix: correct `subnet`, or the machine's interface",
        "lab.yaml:8: storage.path: cpu1: /mnt/shared is no folder. "
        "Fix: correct `storage.path`, or make it there",
    ]


def test_addresses_that_are_elsewhere(tmp_path: Path):
    seen = {
        "gpu1": machine("gpu1", "10.0.0.12", nic="eth7"),
        "gpu2": machine("gpu2", "10.0.0.12", nic="docker0"),
        "cpu1": replace(
            SEEN["cpu1"], nics=(Nic("e", "physical", "up", ("10.0.0.5/24", "10.0.0.6/24")),)
        ),
    }

    assert told(tmp_path, LAB, seen) == [
        "lab.yaml:5: nodes.gpu[1-2].address: gpu1: 10.0.0.11 is no address of this machine: it "
        "has 10.0.0.12 (eth7). Fix: correct `address`, or `host` if this is another machine",
        "lab.yaml:5: nodes.gpu[1-2].address: gpu2: 10.0.0.12 is on docker0, which is no interface "
        "for ranks. Fix: choose one of another interface",
        "lab.yaml:6: nodes.cpu1.address: cpu1: 2 addresses in 10.0.0.0/24: 10.0.0.5, 10.0.0.6. "
        "Fix: choose one with `address`",
    ]


def test_two_machines_that_changed_places_are_told_so(tmp_path: Path):
    seen = SEEN | {
        "gpu1": machine("gpu2", "10.0.0.12"),
        "gpu2": machine("gpu1", "10.0.0.11"),
    }

    assert [line.partition(": it has ")[2].partition(".  ")[0][:36] for line in
            told(tmp_path, LAB, seen)] == [
        "10.0.0.12 (eth0); it is one of gpu2.",
        "10.0.0.11 (eth0); it is one of gpu1.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("docker", "told_of"),
    [
        (None, "its container has nothing to run on: Docker is not installed"),
        (
            Docker("27.1", problem="me may not use /var/run/docker.sock"),
            "its container has nothing to run on: me may not use /var/run/docker.sock",
        ),
        (
            Docker("27.1", "27.1"),
            "Docker has no runtime `nvidia`, so that containers see no GPU",
        ),
    ],
)
def test_what_containers_need_is_missing(tmp_path: Path, docker: Docker | None, told_of: str):
    seen = {"gpu1": replace(machine("gpu1"), docker=docker, paths={"/srv/shared": "absent"})}

    first, second = told(tmp_path, IN_DOCKER, seen)

    assert first.startswith(f"lab.yaml:3: runtime: gpu1: {told_of}. Fix: install ")
    assert second == (
        "lab.yaml:7: storage.path: gpu1: /srv/shared is not there. "
        "Fix: correct `storage.path`, or make it there"
    )


def test_containers_want_a_subnet_that_this_machine_is_not_in(tmp_path: Path):
    here = machine("here", "10.0.0.5", nic="wlan0")

    assert told(tmp_path, CONTAINERS, {"node1": here, "node2": here}) == [
        "lab.yaml:5: network.subnet: node[1-2]: 10.0.0.0/24 is not free: wlan0 of this machine "
        "has 10.0.0.5/24. Fix: choose another private subnet"
    ]

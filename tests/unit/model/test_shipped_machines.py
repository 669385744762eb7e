"""The inventories of machines that are shipped, and what stands in their comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.model.cluster import Cluster, Container, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.inventory import Inventory
from clusterkit.model.load import load_inventory
from clusterkit.model.machine import Login, Machine

REPOSITORY = Path(__file__).resolve().parents[3]


def resolve(inventory: Inventory) -> Cluster:
    return inventory.resolve(base=Path("/"), local_home=Path("/"), local_storage=Path("/"))


def test_the_shipped_machines():
    folder = REPOSITORY / "inventories"

    assert resolve(load_inventory(folder / "machines.yaml")) == Cluster(
        name="machines",
        provider="ssh",
        nodes=tuple(
            Node(
                f"gpu0{number}",
                2,
                address=f"10.0.0.1{number}",
                machine=Machine(f"gpu0{number}.example.net", user="ubuntu"),
                home=f"~/.clusterkit/machines/gpu0{number}",
            )
            for number in (1, 2, 3, 4)
        ),
        storage=Storage("bind", "/mnt/shared"),
        engine=EngineSettings(model="smollm2-135m", pp=2),
        subnet="10.0.0.0/24",
        groups={"workers": ("gpu02", "gpu03", "gpu04")},
        home="/var/lib/clusterkit/machines",
    )


def test_the_shipped_containers_on_machines():
    folder = REPOSITORY / "inventories"

    assert resolve(load_inventory(folder / "machines-docker.yaml")) == Cluster(
        name="carried",
        provider="ssh",
        nodes=tuple(
            Node(
                f"gpu0{number}",
                2,
                python="/opt/clusterkit/bin/python",
                container=Container(image="clusterkit/node-cpu", shm_size="1g"),
                machine=Machine(f"gpu0{number}.example.net", user="ubuntu"),
                login=Login("root", 2222, ()),
            )
            for number in (1, 2)
        ),
        storage=Storage("bind", "/mnt/shared"),
        engine=EngineSettings(model="smollm2-135m", pp=2),
        subnet="10.0.0.0/24",
        home="/var/lib/clusterkit/carried",
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        (
            "machines.yaml",
            [
                "#  port",
                "#  key_file",
                "#  jump",
                "#  connect_",
                "#    gpus",
                "#  gpu05",
                "# python",
            ],
        ),
        (
            "machines-docker.yaml",
            ["#    gpus", "#  ssh_port", "#  mounts", "#    - {source", "#  ipc", "#  ulimits"],
        ),
    ],
)
def test_every_option_in_the_comments_of_machines_can_be_used(
    tmp_path: Path, name: str, options: list[str]
):
    text = (REPOSITORY / "inventories" / name).read_text()
    for option in options:
        assert text.count(option) == 1, option
        indent = " " if option.endswith(("   gpus", "- {source")) else ""
        text = text.replace(option, indent + option[1:].replace(" python", "python"))
    text = text.replace("     gpus", "    gpus").replace("     - {source", "    - {source")

    file = tmp_path / name
    file.write_text(text)

    cluster = resolve(load_inventory(file))

    assert cluster.head.gpus == tuple(range(8))
    assert cluster.provider == "ssh"

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.model.cluster import Build, Cluster, Container, Mount, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.inventory import Inventory, model_path
from clusterkit.model.load import load_inventory

REPOSITORY = Path(__file__).parents[3]
BASE = Path("/inventories")


def resolve(inventory: Inventory, base: Path = BASE) -> Cluster:
    return inventory.resolve(
        base=base, local_home=Path("/state/here"), local_storage=Path("/data/here")
    )


def load(tmp_path: Path, text: str) -> Inventory:
    path = tmp_path / "inventory.yaml"
    path.write_text(text)
    return load_inventory(path)


def test_the_shipped_local_inventory():
    path = REPOSITORY / "inventories" / "local.yaml"

    assert resolve(load_inventory(path)) == Cluster(
        name="local",
        provider="local",
        nodes=(Node("localhost", slots=6),),
        storage=Storage("local", "/data/here"),
        engine=EngineSettings(model="smollm2-135m", tp=1, pp=2),
        home="/state/here",
    )


def test_the_shipped_docker_pair():
    folder = REPOSITORY / "inventories"
    container = Container(
        image="clusterkit/node-cpu",
        build=Build(str(REPOSITORY), str(REPOSITORY / "images" / "node.Dockerfile")),
        shm_size="1g",
    )
    python = "/opt/clusterkit/bin/python"

    assert resolve(load_inventory(folder / "docker-pair.yaml"), folder) == Cluster(
        name="pair",
        provider="docker",
        nodes=(
            Node("node1", 2, address="192.168.123.111", python=python, container=container),
            Node("node2", 2, address="192.168.123.112", python=python, container=container),
        ),
        storage=Storage("volume", "/shared"),
        engine=EngineSettings(model="smollm2-135m", pp=2),
        subnet="192.168.123.0/24",
        groups={"workers": ("node2",)},
        home="/var/lib/clusterkit/pair",
    )


def test_what_the_shipped_inventories_have_in_comments_loads_as_well(tmp_path: Path):
    """Options that are commented out, GPUs among them, are there to be used."""
    text = (REPOSITORY / "inventories" / "docker-pair.yaml").read_text()
    for option in ("#    gpus", "#  env", "#  mounts", "#    - {source", "#  ipc", "#  ulimits"):
        assert text.count(option) == 1
        text = text.replace(
            option, " " + option[1:] if option.startswith("#    g") else option[1:]
        )
    text = text.replace("     gpus", "    gpus").replace("    - {source", "    - {source")

    node = resolve(load(tmp_path, text)).nodes[1]

    assert node.gpus == (0,)
    assert node.container == Container(
        image="clusterkit/node-cpu",
        build=Build("/", "/images/node.Dockerfile"),
        env={"OMP_NUM_THREADS": "2"},
        mounts=(Mount("/inventories/data", "/data", read_only=True),),
        shm_size="1g",
        ipc="host",
        ulimits={"memlock": -1, "stack": 67108864},
    )


EVERYTHING = """\
cluster: lab
provider: docker
python: python3
defaults: {slots: 2, python: /usr/bin/python3}
nodes:
  head: {slots: 1}
  gpu[08-10/2]:
    gpus: "0-3"
    slots: 4
    address: 10.9.0.[20,30]
    container: {shm_size: 8g, ulimits: {memlock: -1}, env: {A: "2"}, mounts: []}
  b,a: {container: {image: other}, python: ../bin/python}
groups: {gpus: "gpu[08,10]", all-but: "head,b"}
network: {subnet: 10.9.0.0/24}
container:
  image: node
  build: {context: ., args: {BASE: debian}, network: host}
  shm_size: 1g
  env: {A: "1", B: "1"}
  ulimits: {stack: 1}
  mounts: [{source: data, path: /data}]
storage: {kind: bind, source: ../shared, path: /files}
engine: {model: ./models/tiny.gguf, tp: 3, pp: 2, dtype: bfloat16}
"""


def test_defaults_groups_addresses_and_nodes_that_differ(tmp_path: Path):
    text = EVERYTHING.replace("../bin/python", "/b/python")
    build = Build("/inventories", "/inventories/Dockerfile", {"BASE": "debian"}, "host")
    mounts = (Mount("/inventories/data", "/data"),)
    stack = {"stack": 1}
    plain = Container("node", build, {"A": "1", "B": "1"}, mounts, (), "1g", None, stack)
    other = Container("other", None, {"A": "1", "B": "1"}, mounts, (), "1g", None, stack)
    large = Container(
        "node", build, {"A": "2", "B": "1"}, (), (), "8g", None, {"stack": 1, "memlock": -1}
    )
    usual = "/usr/bin/python3"

    assert resolve(load(tmp_path, text)) == Cluster(
        name="lab",
        provider="docker",
        nodes=(
            Node("head", 1, (), "10.9.0.11", usual, plain),
            Node("gpu08", 4, (0, 1, 2, 3), "10.9.0.20", usual, large),
            Node("gpu10", 4, (0, 1, 2, 3), "10.9.0.30", usual, large),
            Node("b", 2, (), "10.9.0.14", "/b/python", other),
            Node("a", 2, (), "10.9.0.15", "/b/python", other),
        ),
        storage=Storage("bind", "/files", "/shared"),
        engine=EngineSettings(model="/inventories/models/tiny.gguf", tp=3, pp=2, dtype="bfloat16"),
        subnet="10.9.0.0/24",
        groups={"gpus": ("gpu08", "gpu10"), "all-but": ("head", "b")},
        home="/var/lib/clusterkit/lab",
    )


def test_an_inventory_stays_the_same_through_json(tmp_path: Path):
    inventory = load(tmp_path, EVERYTHING.replace("../bin/python", "/b/python"))

    again = Inventory.model_validate(inventory.model_dump(mode="json"))

    assert resolve(again) == resolve(inventory)


@pytest.mark.parametrize(
    ("settings", "slots"),
    [("", 1), ("{gpus: [0, 1, 2]}", 3), ("{gpus: [0, 1], slots: 6}", 6), ("{gpus: []}", 1)],
)
def test_slots_are_those_asked_for_or_one_for_each_gpu_or_one(
    tmp_path: Path, settings: str, slots: int
):
    text = f"cluster: a\nprovider: local\nnodes:\n  here: {settings}\n"
    assert resolve(load(tmp_path, text)).slots == slots


def test_a_local_python_is_seen_from_the_inventory_and_keeps_its_links(tmp_path: Path):
    text = "cluster: a\nprovider: local\npython: ../.venv/bin/python\nnodes: {here: }\n"
    assert resolve(load(tmp_path, text)).head.python == "/.venv/bin/python"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("smollm2-135m", "smollm2-135m"),
        ("HuggingFaceTB/SmolLM2-135M", "HuggingFaceTB/SmolLM2-135M"),
        ("./tiny", "/inventories/tiny"),
        ("../tiny", "/tiny"),
        ("models/tiny.gguf", "/inventories/models/tiny.gguf"),
        ("/models/tiny", "/models/tiny"),
    ],
)
def test_a_model_is_a_name_or_a_path(model: str, expected: str):
    assert model_path(model, BASE) == expected


@given(st.lists(st.integers(2, 254), unique=True, max_size=20), st.integers(1, 100))
def test_nodes_without_an_address_get_one_that_nobody_has(wished: list[int], others: int):
    nodes = {f"a{number}": {"address": f"10.0.0.{number}"} for number in wished}
    nodes |= {f"b[1-{others}]": {}}
    inventory = Inventory.model_validate(
        {
            "cluster": "a",
            "provider": "docker",
            "nodes": nodes,
            "network": {"subnet": "10.0.0.0/24"},
            "container": {"image": "x"},
        }
    )

    addresses = [node.address for node in resolve(inventory).nodes]

    assert addresses[: len(wished)] == [f"10.0.0.{number}" for number in wished]
    assert len(set(addresses)) == len(wished) + others
    assert not {None, "10.0.0.0", "10.0.0.1", "10.0.0.255"} & set(addresses)


def test_a_node_added_at_the_end_moves_no_other_address(tmp_path: Path):
    text = EVERYTHING.replace("../bin/python", "/b/python")
    before = resolve(load(tmp_path, text)).nodes

    after = resolve(load(tmp_path, text.replace("groups:", "  last: {}\ngroups:"))).nodes

    assert after[:-1] == before
    assert after[-1].address == "10.9.0.16"

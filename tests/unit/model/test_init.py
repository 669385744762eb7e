from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from clusterkit.model.cluster import Build, Cluster, Container, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.model.init import EDIT, first_inventory
from clusterkit.model.load import load_inventory

NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
MODELS = st.one_of(
    st.sampled_from(["smollm2-135m", "../my models/a: b #c.gguf", "true/false", "~/a"]),
    st.text("aZ1-/.:#'\" é").map("./{}".format),
)


def load(text: str, folder: Path) -> Cluster:
    path = folder / "first.yaml"
    path.write_text(text)
    return load_inventory(path).resolve(
        base=Path("/"), local_home=Path("/home"), local_storage=Path("/storage")
    )


@given(
    cluster=NAMES,
    slots=st.none() | st.integers(1, 64),
    gpus=st.integers(0, 8),
    model=MODELS,
)
def test_a_local_one_loads(tmp_path: Path, cluster: str, slots: int | None, gpus: int, model: str):
    text = first_inventory("local", cluster=cluster, slots=slots, gpus_per_node=gpus, model=model)

    resolved = load(text, tmp_path)

    assert (resolved.name, resolved.provider) == (cluster, "local")
    assert resolved.nodes == (Node("localhost", slots or gpus or 2, tuple(range(gpus))),)
    assert resolved.engine.pp == (2 if resolved.slots > 1 else 1)


@given(
    cluster=NAMES,
    nodes=st.integers(1, 40),
    slots=st.none() | st.integers(1, 64),
    gpus=st.integers(0, 8),
    subnet=st.sampled_from(["192.168.123.0/24", "10.0.0.0/8", "172.20.0.0/26"]),
    context=st.none() | st.sampled_from([".", "..", "/a b"]),
    model=MODELS,
)
def test_a_docker_one_loads(
    tmp_path: Path,
    cluster: str,
    nodes: int,
    slots: int | None,
    gpus: int,
    subnet: str,
    context: str | None,
    model: str,
):
    text = first_inventory(
        "docker",
        cluster=cluster,
        nodes=nodes,
        slots=slots,
        gpus_per_node=gpus,
        subnet=subnet,
        build_context=context,
        model=model,
    )

    resolved = load(text, tmp_path)

    assert (resolved.name, resolved.provider, resolved.subnet) == (cluster, "docker", subnet)
    assert [node.name for node in resolved.nodes] == [f"node{n}" for n in range(1, nodes + 1)]
    assert resolved.slots == nodes * (slots or gpus or 2)
    assert [gpu for node in resolved.nodes for gpu in node.gpus] == list(range(nodes * gpus))


def test_a_docker_one_in_full(tmp_path: Path):
    text = first_inventory("docker", cluster="pair", gpus_per_node=1, build_context=".")
    build = Build("/", "/images/node.Dockerfile")
    limits = {"memlock": -1, "stack": 67108864}
    container = Container("clusterkit/node-cpu", build, shm_size="1g", ipc="host", ulimits=limits)

    assert load(text, tmp_path) == Cluster(
        name="pair",
        provider="docker",
        nodes=(
            Node("node1", 1, (0,), "192.168.123.11", None, container),
            Node("node2", 1, (1,), "192.168.123.12", None, container),
        ),
        storage=Storage("volume", "/shared"),
        engine=EngineSettings(model="smollm2-135m", pp=2),
        subnet="192.168.123.0/24",
        home="/var/lib/clusterkit/pair",
    )


@given(hosts=st.lists(st.sampled_from(["10.0.0.1", "10.0.1.9", "gpu1.lan", "a#b"]), unique=True))
def test_an_ssh_one_loads(tmp_path: Path, hosts: list[str]):
    hosts = hosts or ["gpu1"]
    text = first_inventory("ssh", cluster="lab", hosts=hosts, gpus_per_node=8)

    resolved = load(text, tmp_path)

    machines = [node.machine.host for node in resolved.nodes if node.machine]
    assert (resolved.provider, machines) == ("ssh", hosts)
    assert [node.name for node in resolved.nodes] == [f"node{n}" for n in range(1, len(hosts) + 1)]
    assert [(node.slots, node.gpus) for node in resolved.nodes] == [(8, tuple(range(8)))] * len(
        hosts
    )
    numbers = {"10.0.0.1", "10.0.1.9"}
    guessed = {1: "10.0.0.0/24", 2: "10.0.0.0/23"} if set(hosts) <= numbers else {}
    if hosts == ["10.0.1.9"]:
        guessed = {1: "10.0.1.0/24"}
    unknown = "192.168.123.0/24" if len(hosts) > 1 else None
    assert resolved.subnet == guessed.get(len(hosts), unknown)
    assert ("EDIT" in text) == (not guessed and len(hosts) > 1)


def test_a_subnet_that_is_given_is_not_to_be_edited(tmp_path: Path):
    for provider in ("docker", "ssh"):
        text = first_inventory(provider, cluster="lab", hosts=["a", "b"], subnet="10.9.0.0/24")
        assert (load(text, tmp_path).subnet, EDIT in text) == ("10.9.0.0/24", False)


def test_it_teaches():
    """The text is for reading: columns line up, and no line is wide."""
    for provider in ("local", "docker", "ssh"):
        text = first_inventory(provider, cluster="lab", gpus_per_node=8, hosts=["10.0.0.1"])
        assert max(map(len, text.splitlines())) < 90
        assert text.count("#") >= 6
        assert text.endswith("\n")
        assert not text.endswith("\n\n")

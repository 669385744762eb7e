from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.checks.discovered import discovered_inventory, node_names
from clusterkit.checks.shared_networks import shared_networks
from clusterkit.facts import Gpu, MachineFacts, Nic
from clusterkit.model.load import load_inventory
from clusterkit.model.machine import Machine

Seen = dict[str, tuple[Machine, MachineFacts]]


def facts(number: int, *, gpus: int = 8, mig: str | None = "Disabled", **more) -> MachineFacts:
    nics = (
        Nic("eth0", "physical", "up", (f"192.168.1.{number}/24",), 1000),
        Nic("ib0", "physical", "up", (f"10.0.0.{number}/24",), 400_000, rdma_device="mlx5_0"),
    )
    values = {
        "cores": 192,
        "memory_bytes": 2014 << 30,
        "os_name": "Ubuntu 22.04.4 LTS",
        "gpus": tuple(
            Gpu(i, f"GPU-{number}-{i}", "NVIDIA H200", 141 << 30, mig_mode=mig)
            for i in range(gpus)
        ),
        "gpus_on_bus": gpus,
        "nics": nics,
    }
    return MachineFacts(f"gpu{number:02}", **(values | more))


def written(seen: Seen, **more) -> str:
    networks = shared_networks({key: each for key, (_, each) in seen.items()})
    words = {"cluster": "lab", "model": "smollm2-135m", "silent": {}}
    return discovered_inventory(seen, networks, **(words | more))


def test_machines_of_a_kind_share_a_line():
    seen: Seen = {
        f"gpu{n:02}.lan": (Machine(f"gpu{n:02}.lan", user="me"), facts(n)) for n in (1, 2, 3)
    }

    assert written(seen, silent={"gpu04.lan": "refused the connection"}) == (
        "# Machines as `clusterkit discover` saw them. Next: clusterkit up FILE\n"
        "# All of them are on 192.168.1.0/24 as well (eth0, 1 Gb/s).\n"
        "# Left out: gpu04.lan: refused the connection\n"
        "\n"
        "cluster: lab\n"
        "provider: ssh\n"
        "runtime: bare                   # or docker: one container on each machine\n"
        "\n"
        "# How to log in; the rest is as your ~/.ssh/config says.\n"
        "ssh: {user: me}\n"
        "\n"
        "defaults:\n"
        "  slots: 8                      # room for this many MPI ranks\n"
        "  gpus: 0-7                     # the ranks take them in turn\n"
        "\n"
        "# The first node is the head, where mpirun starts.\n"
        "nodes:\n"
        '  gpu[01-03]: {host: "gpu[01-03].lan", address: "10.0.0.[1-3]"}'
        "  # 8 x NVIDIA H200 141 GiB, 192 cores, 2014 GiB, Ubuntu 22.04.4 LTS\n"
        "\n"
        "network:\n"
        "  subnet: 10.0.0.0/24           # ib0, 400 Gb/s, RDMA mlx5_0\n"
        "\n"
        "# Without this, each node has files of its own, and a copy of the model:\n"
        "# storage: {kind: bind, path: /mnt/shared}      "
        "# a folder that every machine has mounted\n"
        "\n"
        "engine:\n"
        "  name: transformers\n"
        "  model: smollm2-135m           # or hub/name, a Hugging Face folder, a GGUF file\n"
        "  pp: 2                         # pipeline parallel: the layers over this many ranks\n"
        "  tp: 1                         # tensor parallel: every layer over this many ranks\n"
    )


def test_what_a_person_should_know_stands_at_the_top():
    seen: Seen = {
        "a": (Machine("a"), facts(1, mig="Enabled")),
        "b": (Machine("b"), facts(2, gpus=0, gpus_on_bus=2)),
    }

    head = written(seen).partition("\n\n")[0].splitlines()

    assert head[2:] == [
        "# MIG is enabled on a: a rank gets a whole GPU only without it.",
        "# b has 2 GPUs on its bus, 0 with a driver.",
    ]


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        (["gpu1.a.net", "gpu2.b.net"], ["gpu1", "gpu2"]),
        (["gpu1.a.net", "gpu1.b.net"], ["node1", "node2"]),
        (["10.0.0.1", "10.0.0.2"], ["gpu01", "gpu02"]),
        (["GPU1", "gpu2"], ["gpu1", "gpu2"]),
        (["my_host", "gpu2"], ["node1", "node2"]),
    ],
)
def test_nodes_are_called_as_their_machines(hosts: list[str], names: list[str]):
    seen: Seen = {host: (Machine(host), facts(n)) for n, host in enumerate(hosts, 1)}

    assert list(node_names(seen).values()) == names


MACHINES = st.lists(
    st.tuples(
        st.from_regex(r"[a-zA-Z0-9]{1,3}([._-][a-z0-9]{1,3}){0,2}", fullmatch=True),
        st.sampled_from([None, "me", "o'neil"]),
        st.sampled_from([None, 22, 2222]),
        st.integers(0, 3),
        st.sampled_from(["Debian", 'Odd "name": #1', None]),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda each: each[0],
)


@given(machines=MACHINES, trust=st.sampled_from(["known-hosts", "accept-new"]))
def test_what_is_written_loads_and_means_these_machines(
    tmp_path_factory: pytest.TempPathFactory, machines, trust
):
    seen: Seen = {}
    for number, (host, user, port, gpus, system) in enumerate(machines, 11):
        machine = Machine(host, user=user, port=port, jump="gate", trust=trust)
        seen[str(machine)] = (machine, facts(number, gpus=gpus, os_name=system))
    folder = tmp_path_factory.mktemp("made")
    (folder / "lab.yaml").write_text(written(seen))

    cluster = load_inventory(folder / "lab.yaml").resolve(
        base=folder, local_home=folder, local_storage=folder
    )

    assert [node.machine for node in cluster.nodes] == [machine for machine, _ in seen.values()]
    assert [(node.slots, len(node.gpus)) for node in cluster.nodes] == [
        (gpus or 1, gpus) for _, _, _, gpus, _ in machines
    ]
    assert [node.address for node in cluster.nodes] == [
        f"10.0.0.{number}" for number in range(11, 11 + len(machines))
    ]

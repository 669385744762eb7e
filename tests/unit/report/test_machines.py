from __future__ import annotations

from dataclasses import replace

from clusterkit.facts import Disk, Docker, Gpu, MachineFacts, Mpi, Nic, RdmaPort
from clusterkit.results.discover import DiscoverResult, PinnedKey, SeenMachine, SeenNetwork
from clusterkit.results.status import NodeStatus, StatusResult
from tests.unit.report.streams import shown, text

BOTH = ("fe80::1/64", "10.0.0.11/24")
FACTS = MachineFacts(
    "gpu1",
    os_name="Ubuntu 22.04.4 LTS",
    kernel="5.15.0",
    architecture="x86_64",
    user="me",
    uid=1000,
    home="/home/me",
    sudo="password",
    cores=192,
    memory_bytes=2 << 40,
    disks=(Disk("/home/me", 100 << 30, 40 << 30), Disk("/srv", 9 << 30, 1 << 30)),
    shm_bytes=1 << 40,
    memlock_bytes=64 << 10,
    gpus=tuple(Gpu(i, "", "H200", 141 << 30, 0, "550.54.15", "12.4") for i in range(8)),
    gpus_on_bus=8,
    nics=(
        Nic("lo", "loopback", addresses=("127.0.0.1/8",)),
        Nic("eth0", "physical", "up", BOTH, 100_000, 9000, rdma_device="mlx5_0"),
        Nic("eth1", "physical", "up", ("192.168.1.11/24",)),
        Nic("docker0", "bridge", "down", ("172.17.0.1/16",)),
    ),
    rdma_ports=(RdmaPort("mlx5_0", 1, "ACTIVE", "Ethernet", 100_000, "eth0"),),
    docker=Docker("27.1", "27.1.1", has_nvidia_runtime=True),
    mpis=(Mpi("/usr/bin/mpirun", "Open MPI", "4.1.2"), Mpi("/opt/x/bin/mpirun", "MPICH", "4.2")),
    mpi_on_path={"mpirun": "/usr/bin/mpirun"},
    python="/usr/bin/python3",
    python_version="3.10.12",
)
BARE = MachineFacts(
    "b",
    gpus_on_bus=2,
    docker=Docker("27.1", problem="me may not use /var/run/docker.sock"),
    rdma_ports=(
        RdmaPort("mlx5_0", link_layer="InfiniBand"),
        RdmaPort("mlx5_1", link_layer="InfiniBand"),
    ),
    unreadable={"nics": "OSError: no /sys"},
)
FOUND = DiscoverResult(
    machines=(
        SeenMachine(host="me@gpu1", facts=FACTS),
        SeenMachine(host="b", facts=BARE),
        SeenMachine(host="c", error="refused the connection"),
    ),
    networks=(
        SeenNetwork(
            subnet="10.0.0.0/24",
            speed_mbps=100_000,
            rdma=True,
            addresses={"me@gpu1": "10.0.0.11"},
        ),
        SeenNetwork(subnet="192.168.1.0/24", rdma=False, addresses={}),
    ),
    pinned=(PinnedKey(host="gpu1", fingerprint="ssh-ed25519 SHA256:abc"),),
    path="lab.yaml",
    took_s=1.5,
)


def rows(shown_text: str) -> list[str]:
    return [" ".join(line.split()) for line in shown_text.splitlines()]


def test_machines_networks_and_what_comes_next():
    assert rows(shown(FOUND, width=400)) == rows(
        text("""
        MACHINE CORES MEMORY DISK FREE GPUS DRIVER NETWORK DOCKER MPI PYTHON
        me@gpu1 192 2.0 TiB 40.0 GiB 8 x H200 141 GiB 550.54.15, CUDA 12.4 eth0 10.0.0.11/24 100 Gb/s RDMA mlx5_0 (Ethernet) 27.1.1, nvidia runtime Open MPI 4.1.2, MPICH 4.2 (/opt/x/bin/mpirun) 3.10.12
        b - - - 2 without a driver - RDMA mlx5_[0-1] (InfiniBand) no: me may not use /var/run/docker.sock - -

        network 10.0.0.0/24, 100 Gb/s, RDMA
        also shared 192.168.1.0/24
        trusted now gpu1: ssh-ed25519 SHA256:abc
        ! b nics: OSError: no /sys

        Wrote lab.yaml.
        Next: clusterkit up lab.yaml
        """)  # noqa: E501 - rows as they are printed
    )


def test_wide_adds_the_system_and_the_limits():
    first, second, *_ = rows(shown(FOUND, "wide", width=600))

    assert first.endswith("PYTHON OS KERNEL ARCH USER /dev/shm MEMLOCK")
    assert second.endswith(
        "3.10.12 Ubuntu 22.04.4 LTS 5.15.0 x86_64 me, sudo with a password 1.0 TiB 64.0 KiB"
    )


def test_without_a_cluster_network_every_real_interface_is_shown():
    found = FOUND.model_copy(update={"networks": ()})

    assert (
        "eth0 10.0.0.11/24 100 Gb/s RDMA mlx5_0 (Ethernet); eth1 192.168.1.11/24"
        in rows(shown(found, width=400))[1]
    )


def test_status_shows_machines_only_when_wide():
    node = NodeStatus(name="node1", address="192.168.1.11", state="up", slots=8, machine=FACTS)
    status = StatusResult(cluster="lab", provider="ssh", nodes=(node,), took_s=0.1)

    wide = rows(shown(status, "wide", width=400))

    assert wide[-2:] == [
        "NODE DISK FREE GPUS DRIVER NETWORK DOCKER MPI OS KERNEL ARCH USER /dev/shm MEMLOCK",
        "node1 40.0 GiB 8 x H200 141 GiB 550.54.15, CUDA 12.4 eth1 192.168.1.11/24 27.1.1, nvidia "
        "runtime Open MPI 4.1.2, MPICH 4.2 (/opt/x/bin/mpirun) Ubuntu 22.04.4 LTS 5.15.0 x86_64 "
        "me, sudo with a password 1.0 TiB 64.0 KiB",
    ]
    assert "DRIVER" not in shown(status)
    unlimited = replace(FACTS, memlock_bytes=None, uid=0, user="root")
    node = node.model_copy(update={"machine": unlimited})
    status = status.model_copy(update={"nodes": (node,)})
    assert rows(shown(status, "wide", width=400))[-1].endswith("root 1.0 TiB unlimited")

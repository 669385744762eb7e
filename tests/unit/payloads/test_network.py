"""What a node's ranks are told of the cluster network, and what the user is."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.payloads import network
from clusterkit.payloads.network import network_of

SUBNET, ADDRESS = "203.0.113.0/24", "203.0.113.11"
HERE = [("lo", "127.0.0.1"), ("eth1", ADDRESS)]
PINNED = {
    "GLOO_SOCKET_IFNAME": "eth1",
    "NCCL_SOCKET_IFNAME": "=eth1",
    "TP_SOCKET_IFNAME": "eth1",
    "UCX_NET_DEVICES": "eth1",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path


def add_rdma(root: Path, device: str, interface: str, *, with_verbs: bool = True) -> None:
    port = root / "sys/class/infiniband" / device / "ports/1"
    (port / "gid_attrs/ndevs").mkdir(parents=True)
    (port / "state").write_text("4: ACTIVE\n")
    (port / "gid_attrs/ndevs/0").write_text(f"{interface}\n")
    verbs = root / "sys/class/infiniband_verbs" / f"uverbs_{device}"
    verbs.mkdir(parents=True)
    (verbs / "ibdev").write_text(f"{device}\n")
    if with_verbs:
        node = root / "dev/infiniband" / f"uverbs_{device}"
        node.parent.mkdir(parents=True, exist_ok=True)
        node.touch()


def test_one_node(root: Path) -> None:
    found = network_of(None, None, {}, here=HERE, root=str(root))

    env = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "=lo", "TP_SOCKET_IFNAME": "lo"}
    assert found == ("lo", env, [])


def test_every_library_is_pinned(root: Path) -> None:
    assert network_of(SUBNET, ADDRESS, {}, here=HERE, root=str(root)) == ("eth1", PINNED, [])


@pytest.mark.parametrize("other", ["docker0", "eth2"])
def test_a_second_interface_in_the_subnet(root: Path, other: str) -> None:
    here = [(other, "203.0.113.77"), *HERE]

    found = network_of(SUBNET, ADDRESS, {}, here=here, root=str(root))

    assert found == ("eth1", {**PINNED, "OMPI_MCA_btl_tcp_if_include": "eth1"}, [])


def test_what_the_user_sets_wins_and_is_told(root: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc/nccl.conf").write_text("# ours\nNCCL_SOCKET_IFNAME==eth7\n")
    given = {"UCX_NET_DEVICES": "eth1", "TP_SOCKET_IFNAME": "", "OMPI_MCA_btl_tcp_if_include": "x"}

    found = network_of(SUBNET, ADDRESS, given, here=HERE, root=str(root))

    told = {"NCCL_SOCKET_IFNAME": "=eth7", "OMPI_MCA_btl_tcp_if_include": "x"}
    assert found.env == {**PINNED, **told}
    assert found.notes == [
        "NCCL_SOCKET_IFNAME==eth7 is set there, and is used in place of =eth1",
        f"OMPI_MCA_btl_tcp_if_include=x is set there, and is used in place of {SUBNET}",
    ]


def test_rdma_of_the_interface(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "memlock_bytes", lambda: None)
    add_rdma(root, "mlx5_0", "eth1")

    found = network_of(SUBNET, ADDRESS, {}, here=HERE, root=str(root))

    rdma = {"UCX_NET_DEVICES": "mlx5_0:1", "NCCL_IB_HCA": "=mlx5_0:1"}
    assert found == ("eth1", {**PINNED, **rdma}, [])


def test_rdma_that_is_used_in_part(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "memlock_bytes", lambda: 65536)
    add_rdma(root, "mlx5_0", "eth1")
    add_rdma(root, "mlx5_1", "ib0")

    assert network_of(SUBNET, ADDRESS, {}, here=HERE, root=str(root)).notes == [
        "only 64 KiB may be locked in memory, and RDMA locks what it sends. "
        "Fix: set `ulimits: {memlock: -1}`",
        "NCCL uses mlx5_0:1, which is on the cluster network, and not mlx5_1:1. "
        "Set NCCL_IB_HCA to use others",
    ]


def test_rdma_that_the_container_was_not_given(root: Path) -> None:
    add_rdma(root, "mlx5_0", "eth1", with_verbs=False)

    found = network_of(SUBNET, ADDRESS, {}, here=HERE, root=str(root))

    assert found.env == PINNED
    assert found.notes == [
        "eth1 has RDMA (mlx5_0:1), but its device is not in /dev/infiniband here, so TCP is used. "
        "Fix: add /dev/infiniband to `container.devices`"
    ]


@pytest.mark.parametrize("other", ["docker0", "eth2"])
def test_packets_that_leave_by_another_interface(root: Path, other: str) -> None:
    """The kernel answers for its loopback network: to 127.0.0.12 it sends from 127.0.0.1."""
    subnet, here = "127.0.0.0/8", [("eth1", "127.0.0.11"), (other, "127.0.0.1")]

    def found() -> list[str]:
        return network_of(subnet, "127.0.0.11", {}, here=here, root=str(root)).notes

    if other == "eth2":
        said = "packets to 127.0.0.0/8 leave by eth2, not by eth1: the kernel's routes say so"
        assert found() == [said]
    else:
        with pytest.raises(LookupError) as caught:
            found()
        assert str(caught.value) == (
            "the way to the cluster network 127.0.0.0/8 leads through docker0 (127.0.0.1), not "
            "through eth1. Fix: give docker0 another subnet"
        )

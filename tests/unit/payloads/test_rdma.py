"""RDMA devices are found in a tree such as the kernel's /sys and /dev."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.payloads import rdma


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")


@pytest.fixture
def root(tmp_path: Path) -> str:
    """Two RoCE ports, one of them down, and the second port of an InfiniBand device."""
    infiniband = "sys/class/infiniband"
    write(
        tmp_path,
        {
            f"{infiniband}/mlx5_0/ports/1/state": "4: ACTIVE",
            f"{infiniband}/mlx5_0/ports/1/gid_attrs/ndevs/0": "eth1",
            f"{infiniband}/mlx5_0/ports/1/gid_attrs/ndevs/1": "eth1.100",
            f"{infiniband}/mlx5_1/ports/1/state": "1: DOWN",
            f"{infiniband}/mlx5_1/ports/1/gid_attrs/ndevs/0": "eth2",
            f"{infiniband}/mlx4_0/ports/1/state": "4: ACTIVE",
            f"{infiniband}/mlx4_0/ports/2/state": "4: ACTIVE",
            f"{infiniband}/mlx4_0/device/net/ib0/dev_port": "1",
            "sys/class/infiniband_verbs/uverbs0/ibdev": "mlx5_0",
            "sys/class/infiniband_verbs/uverbs1/ibdev": "mlx4_0",
            "dev/infiniband/uverbs0": "",
        },
    )
    return str(tmp_path)


@pytest.mark.parametrize(
    ("interface", "port"),
    [
        ("eth1", "mlx5_0:1"),
        ("eth1.100", "mlx5_0:1"),
        ("ib0", "mlx4_0:2"),
        ("eth2", None),
        ("eth0", None),
    ],
)
def test_the_port_of_an_interface(root: str, interface: str, port: str | None) -> None:
    assert rdma.port_of(interface, root) == port


def test_a_node_without_rdma(tmp_path: Path) -> None:
    assert rdma.port_of("eth0", str(tmp_path)) is None


def test_a_port_is_usable_when_its_device_is_there(root: str) -> None:
    assert rdma.is_usable("mlx5_0:1", root)
    assert not rdma.is_usable("mlx4_0:2", root)

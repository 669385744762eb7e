"""One part that fails, or hangs, leaves the others as they are."""

from __future__ import annotations

import threading
from concurrent.futures import wait

from clusterkit.payloads.machine.look import facts
from clusterkit.payloads.machine.network import nics, rdma
from clusterkit.payloads.machine.reading import later
from tests.unit.payloads.test_rdma import write


def test_a_part_that_fails_is_named_and_the_others_stand():
    def fails():
        raise ValueError("no such thing")

    asked = {
        "good": later(lambda: {"cores": 2, "disks": [{"path": "/b"}]}),
        "bad": later(fails),
        "more": later(lambda: {"disks": [{"path": "/a"}], "unreadable": {"x": "why"}}),
    }
    wait(asked.values())

    said = facts(asked)
    assert (said["cores"], said["disks"]) == (2, [{"path": "/a"}, {"path": "/b"}])
    assert said["unreadable"] == {"bad": "ValueError: no such thing", "x": "why"}


def test_a_part_that_hangs_is_named():
    ends = threading.Event()
    slow = later(lambda: {"cores": 1 if ends.wait(30) else 0})
    try:
        assert facts({"slow": slow})["unreadable"] == {"slow": "no answer within 25 s"}
    finally:
        ends.set()


def test_interfaces_as_the_kernel_shows_them(tmp_path):
    """A tree such as that of a machine with a bond, RoCE and a bridge; no address is there."""
    net, infiniband = "sys/class/net", "sys/class/infiniband"
    write(
        tmp_path,
        {
            f"{net}/ckt0/type": "1",
            f"{net}/ckt0/operstate": "up",
            f"{net}/ckt0/speed": "100000",
            f"{net}/ckt0/mtu": "9000",
            f"{net}/ckt0/device/vendor": "0x15b3",
            f"{net}/ckt1/operstate": "down",
            f"{net}/ckt1/speed": "-1",
            f"{net}/ckt1/bridge/bridge_id": "8000",
            f"{net}/bonding_masters": "ckt1",
            f"{net}/ckt2/tun_flags": "0x1001",
            f"{infiniband}/mlx5_0/ports/1/state": "4: ACTIVE",
            f"{infiniband}/mlx5_0/ports/1/link_layer": "Ethernet",
            f"{infiniband}/mlx5_0/ports/1/rate": "100 Gb/sec (4X EDR)",
            f"{infiniband}/mlx5_0/ports/1/gid_attrs/ndevs/0": "ckt0",
            f"{infiniband}/mlx4_0/ports/2/state": "1: DOWN",
            f"{infiniband}/mlx4_0/ports/2/link_layer": "InfiniBand",
            f"{infiniband}/mlx4_0/ports/2/rate": "2.5 Gb/sec (1X SDR)",
            f"{infiniband}/mlx4_0/device/net/ib0/dev_port": "0",
            f"{infiniband}/mlx4_0/device/net/ib1/dev_port": "1",
            "dev/infiniband/uverbs0": "",
        },
    )
    (tmp_path / net / "ckt0/master").symlink_to(tmp_path / net / "ckt1")

    found = {row.pop("name"): row for row in nics(str(tmp_path))["nics"]}

    assert found["ckt0"] == {
        "kind": "physical",
        "state": "up",
        "speed_mbps": 100_000,
        "mtu": 9000,
        "master": "ckt1",
        "addresses": [],
        "rdma_device": "mlx5_0",
    }
    assert (found["ckt1"]["kind"], found["ckt1"]["speed_mbps"]) == ("bridge", None)
    assert found["ckt2"]["kind"] == "tunnel"
    assert "bonding_masters" not in found
    assert rdma(str(tmp_path)) == {
        "rdma_ports": [
            {
                "name": "mlx4_0",
                "port": 2,
                "state": "DOWN",
                "link_layer": "InfiniBand",
                "rate_mbps": 2500,
                "netdev": "ib1",
            },
            {
                "name": "mlx5_0",
                "port": 1,
                "state": "ACTIVE",
                "link_layer": "Ethernet",
                "rate_mbps": 100_000,
                "netdev": "ckt0",
            },
        ],
        "has_dev_infiniband": True,
    }

"""Network interfaces with their addresses, and RDMA devices."""

from __future__ import annotations

import array
import fcntl
import os
import re
import socket
import struct
from typing import Any

from clusterkit.payloads.interfaces import interface_addresses
from clusterkit.payloads.machine.reading import link, text, whole
from clusterkit.payloads.rdma import Port, ports

_CLASS = "sys/class/net"
_LOOPBACK = "772"  # ARPHRD_LOOPBACK
_SIOCETHTOOL, _GET_DRIVER = 0x8946, 3


def nics(root: str = "/") -> dict[str, Any]:
    """Every network interface. ``root`` is where /sys and /dev are."""
    folder = os.path.join(root, _CLASS)
    addresses: dict[str, list[str]] = {}
    for name, address, prefix in interface_addresses():
        addresses.setdefault(name, []).append(f"{address}/{prefix}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        devices = {row["netdev"]: row["name"] for row in rdma(root)["rdma_ports"]}
        folders = [name for name in _listed(folder) if os.path.isdir(os.path.join(folder, name))]
        return {
            "nics": [
                {
                    **_nic(name, os.path.join(folder, name), any_socket),
                    "addresses": addresses.get(name, []),
                    "rdma_device": devices.get(name),
                }
                for name in sorted({*folders, *addresses})
            ]
        }


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _nic(name: str, there: str, any_socket: socket.socket) -> dict[str, Any]:
    speed = whole(text(there, "speed"))
    return {
        "name": name,
        "kind": _kind(name, there, any_socket),
        "state": text(there, "operstate") or "unknown",
        "speed_mbps": speed if speed and speed > 0 else None,  # -1: the driver does not say
        "mtu": whole(text(there, "mtu")),
        "master": link(there, "master"),
    }


def _kind(name: str, there: str, any_socket: socket.socket) -> str:
    """What the kernel says is behind an interface."""
    if text(there, "type") == _LOOPBACK or name == "lo":
        return "loopback"
    if os.path.isdir(os.path.join(there, "bridge")):
        return "bridge"
    if os.path.exists(os.path.join(there, "tun_flags")):
        return "tunnel"
    if _driver(name, any_socket) == "veth":
        return "veth"
    return "physical" if os.path.exists(os.path.join(there, "device")) else "virtual"


def _driver(name: str, any_socket: socket.socket) -> str:
    """The driver, as ethtool names it; it needs no rights."""
    answer = array.array("B", struct.pack("I", _GET_DRIVER) + bytes(192))
    asked = struct.pack("16sP16x", name.encode()[:15], answer.buffer_info()[0])
    try:
        fcntl.ioctl(any_socket.fileno(), _SIOCETHTOOL, asked)
    except OSError:
        return ""
    return answer.tobytes()[4:36].split(b"\0", 1)[0].decode()


def rdma(root: str = "/") -> dict[str, Any]:
    """Every port of every RDMA device."""
    return {
        "rdma_ports": [_rdma_port(port) for port in ports(root)],
        "has_dev_infiniband": os.path.isdir(os.path.join(root, "dev/infiniband")),
    }


def _rdma_port(port: Port) -> dict[str, Any]:
    rate = re.match(r"([\d.]+) Gb/sec", port.read("rate"))
    return {
        "name": port.device,
        "port": port.number,
        "state": port.read("state").rpartition(": ")[2] or None,
        "link_layer": port.read("link_layer") or None,
        "rate_mbps": int(float(rate.group(1)) * 1000) if rate else None,
        "netdev": next(iter(port.interfaces()), None),
    }

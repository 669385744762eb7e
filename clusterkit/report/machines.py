"""Machines as a table: what `discover` and `status -o wide` show of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.table import Table

from clusterkit.checks.discovered import gpu_kinds
from clusterkit.facts import Disk, Docker, MachineFacts, Nic
from clusterkit.quantities import limit, size, speed
from clusterkit.report.folding import fold
from clusterkit.report.tables import NOTHING, cell, table

ALL = ("CORES", "MEMORY", "DISK FREE", "GPUS", "DRIVER", "NETWORK", "DOCKER", "MPI", "PYTHON")
"""What a machine is."""
LIMITS = ("OS", "KERNEL", "ARCH", "USER", "/dev/shm", "MEMLOCK")  # noqa: S108 - a title
"""The system, and what the user who logs in may do."""
MORE = ("DISK FREE", "GPUS", "DRIVER", "NETWORK", "DOCKER", "MPI", *LIMITS)
"""What the table of the nodes does not say."""
_RIGHT = ("CORES", "MEMORY", "DISK FREE", "/dev/shm", "MEMLOCK")  # noqa: S108 - a title
_WHOLE = ("PYTHON", "ARCH")

Row = tuple[str, MachineFacts, str | None]
"""A name, a machine, and its address on the cluster network, if that is known."""


def machines_table(first: str, rows: Iterable[Row], *, columns: Sequence[str] = ALL) -> Table:
    """One row a machine; ``first`` is the title of the names."""
    right = [column for column in columns if column in _RIGHT]
    made = table(first, *columns, right=right, whole=[first, *_WHOLE])
    for name, facts, address in rows:
        made.add_row(name, *(_CELLS[column](facts, address) for column in columns))
    return made


def _disk(facts: MachineFacts) -> str:
    return _size(min((disk.free_bytes for disk in _of_home(facts)), default=None))


def _of_home(facts: MachineFacts) -> list[Disk]:
    return [disk for disk in facts.disks if disk.path == facts.home] or list(facts.disks)


def _no_gpu(facts: MachineFacts) -> str:
    return f"{facts.gpus_on_bus} without a driver" if facts.gpus_on_bus else NOTHING


def _driver(facts: MachineFacts) -> str:
    """``550.54.15, CUDA 12.4``; all GPUs of a machine have one driver."""
    gpu = facts.gpus[0] if facts.gpus else None
    if gpu is None or gpu.driver_version is None:
        return NOTHING
    return gpu.driver_version + (f", CUDA {gpu.cuda_version}" if gpu.cuda_version else "")


def _chosen(facts: MachineFacts, address: str | None) -> list[Nic]:
    """The interface that has ``address``; without it, all that have one and are no loopback."""
    having = [nic for nic in facts.nics if nic.addresses and nic.kind != "loopback"]
    at = [
        nic for nic in having if any(text.partition("/")[0] == address for text in nic.addresses)
    ]
    return at if address else [nic for nic in having if nic.kind == "physical"]


def _network(facts: MachineFacts, address: str | None) -> str:
    """The interfaces that count, and RDMA devices that have none."""
    nics = _chosen(facts, address)
    of_nics = {nic.rdma_device for nic in facts.nics}
    alone = [port.name for port in facts.rdma_ports if port.name not in of_nics]
    rdma = [f"RDMA {fold(alone)} ({facts.rdma_ports[0].link_layer})"] if alone else []
    return "; ".join([*(_nic(nic, facts) for nic in nics), *rdma]) or NOTHING


def _nic(nic: Nic, facts: MachineFacts) -> str:
    """``eth1 10.0.0.11/24 100 Gb/s RDMA mlx5_0 (InfiniBand)``."""
    address = next((text for text in nic.addresses if ":" not in text), nic.addresses[0])
    words = [nic.name, address, speed(nic.speed_mbps)]
    if nic.rdma_device:
        layers = [port.link_layer for port in facts.rdma_ports if port.name == nic.rdma_device]
        words.append(f"RDMA {nic.rdma_device}" + (f" ({layers[0]})" if any(layers) else ""))
    return " ".join(filter(None, words))


def _docker(docker: Docker | None, toolkit: str | None) -> str:
    if docker is None:
        return NOTHING
    if docker.engine_version is None:
        return f"no: {docker.problem}"
    nvidia = ", nvidia runtime" if docker.has_nvidia_runtime else ""
    return docker.engine_version + (nvidia or (f", nvidia toolkit {toolkit}" if toolkit else ""))


def _mpis(facts: MachineFacts) -> list[str]:
    """Each MPI once; those that a plain shell does not find say where they are."""
    on_path = facts.mpi_on_path.get("mpirun")
    said: dict[str, None] = {}
    for mpi in facts.mpis:
        where = "" if mpi.mpirun == on_path else f" ({mpi.mpirun})"
        said[f"{mpi.flavour} {mpi.version or ''}".rstrip() + where] = None
    return list(said)


def _user(facts: MachineFacts) -> str:
    root = {"none": "", "passwordless": ", sudo", "password": ", sudo with a password"}
    return f"{facts.user}{root[facts.sudo] if facts.uid else ''}"


def _size(count: int | None) -> str:
    return NOTHING if count is None else size(count)


_CELLS: dict[str, Callable[[MachineFacts, str | None], str]] = {
    "CORES": lambda facts, _: cell(facts.cores),
    "MEMORY": lambda facts, _: _size(facts.memory_bytes),
    "DISK FREE": lambda facts, _: _disk(facts),
    "GPUS": lambda facts, _: ", ".join(gpu_kinds(facts.gpus)) or _no_gpu(facts),
    "DRIVER": lambda facts, _: _driver(facts),
    "NETWORK": lambda facts, address: _network(facts, address),
    "DOCKER": lambda facts, _: _docker(facts.docker, facts.nvidia_container_toolkit),
    "MPI": lambda facts, _: ", ".join(_mpis(facts)) or NOTHING,
    "PYTHON": lambda facts, _: cell(facts.python_version),
    "OS": lambda facts, _: cell(facts.os_name),
    "KERNEL": lambda facts, _: cell(facts.kernel),
    "ARCH": lambda facts, _: cell(facts.architecture),
    "USER": lambda facts, _: _user(facts),
    "/dev/shm": lambda facts, _: _size(facts.shm_bytes),  # noqa: S108 - a title
    "MEMLOCK": lambda facts, _: limit(facts.memlock_bytes),
}

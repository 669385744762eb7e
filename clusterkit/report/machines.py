"""Machines as a table: what `discover` and `status -o wide` show of them."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table

from clusterkit.checks.discovered import gpu_kinds, speed
from clusterkit.facts import Disk, Docker, MachineFacts, Nic
from clusterkit.quantities import size
from clusterkit.report.tables import NOTHING, cell, table

_RIGHT = ("CORES", "MEMORY", "DISK FREE", "/dev/shm", "MEMLOCK")  # noqa: S108 - a title


def machines_table(
    first: str, rows: Iterable[tuple[str, MachineFacts, str | None]], *, wide: bool = False
) -> Table:
    """One row a machine. ``first`` is the title of the names; a row has its address, if any."""
    columns = [first, "CORES", "MEMORY", "DISK FREE", "GPUS", "DRIVER", "NETWORK", "DOCKER"]
    columns += ["MPI", "PYTHON"]
    if wide:
        columns += ["OS", "KERNEL", "ARCH", "USER", "/dev/shm", "MEMLOCK"]  # noqa: S108
    made = table(*columns, right=_RIGHT, whole=[first, "PYTHON", "ARCH"])
    for name, facts, address in rows:
        made.add_row(name, *_cells(facts, address), *(_more(facts) if wide else []))
    return made


def _cells(facts: MachineFacts, address: str | None) -> list[str]:
    return [
        cell(facts.cores),
        _size(facts.memory_bytes),
        _size(min((disk.free_bytes for disk in _of_home(facts)), default=None)),
        ", ".join(gpu_kinds(facts.gpus)) or _no_gpu(facts),
        _driver(facts),
        "; ".join(_nic(nic, facts) for nic in _chosen(facts, address)) or NOTHING,
        _docker(facts.docker, facts.nvidia_container_toolkit),
        ", ".join(_mpis(facts)) or NOTHING,
        cell(facts.python_version),
    ]


def _more(facts: MachineFacts) -> list[str]:
    root = {"none": "", "passwordless": ", sudo", "password": ", sudo with a password"}
    user = f"{facts.user}{root[facts.sudo] if facts.uid else ''}"
    memlock = "unlimited" if facts.memlock_bytes is None else size(facts.memlock_bytes)
    told = [facts.os_name, facts.kernel, facts.architecture, user]
    return [*map(cell, told), _size(facts.shm_bytes), memlock]


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


def _size(count: int | None) -> str:
    return NOTHING if count is None else size(count)

"""What was observed on a node or a machine, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, as nvidia-smi names it; what it was not asked, or does not tell, is None.

    ``cuda_version`` is the newest that the driver runs. ``mig_mode`` is ``Enabled`` or
    ``Disabled``; None where the GPU has no MIG.
    """

    index: int
    uuid: str
    name: str
    memory_bytes: int
    memory_used_bytes: int | None = None
    driver_version: str | None = None
    cuda_version: str | None = None
    mig_mode: str | None = None
    compute_capability: str | None = None


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node as it is now. ``packages`` maps the engine's Python packages to their versions.

    ``mpi_version`` is ``5.0.11`` for Open MPI; None where there is no mpirun. ``cxx`` is the C++
    compiler that PyTorch would run. ``files`` are those on which the versions rest: path -> inode,
    size and time of change, as stat(1) prints them.
    """

    hostname: str
    cores: int
    memory_bytes: int
    memory_available_bytes: int
    python: str
    python_version: str
    mpirun: str | None = None
    mpi_version: str | None = None
    packages: Mapping[str, str] = field(default_factory=dict[str, str])
    gpus: tuple[Gpu, ...] = ()
    cxx: str | None = None
    files: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A Hugging Face folder as it lies on a node; nothing of it was loaded.

    ``config`` is its config.json. ``files`` maps names to sizes in bytes. ``digest`` (sha256 in
    hex) changes with any of the files. ``parameters`` is None where the files do not tell: those
    of PyTorch (``*.bin``) without an index.
    """

    folder: str
    config: Mapping[str, Any]
    files: Mapping[str, int]
    digest: str
    parameters: int | None = None


NicKind = Literal["physical", "loopback", "bridge", "veth", "tunnel", "virtual"]
"""``virtual`` is every other that no device is behind: bonds, VLANs, tunnels, dummies."""


@dataclass(frozen=True, slots=True)
class Nic:
    """One network interface. ``addresses`` are as ip(8) writes them: ``10.0.0.11/24``.

    ``state`` is the kernel's operstate (``up``, ``down``, ``unknown``). ``master`` is the bridge
    or bond that it belongs to. ``rdma_device`` is the RDMA device of the same port.
    """

    name: str
    kind: NicKind
    state: str = "unknown"
    addresses: tuple[str, ...] = ()
    speed_mbps: int | None = None
    mtu: int | None = None
    master: str | None = None
    rdma_device: str | None = None


@dataclass(frozen=True, slots=True)
class RdmaPort:
    """One port of an RDMA device, such as ``mlx5_0``.

    ``state`` is ``ACTIVE`` where it can be used. ``link_layer`` is ``InfiniBand`` or ``Ethernet``
    (RoCE). ``netdev`` is its network interface.
    """

    name: str
    port: int = 1
    state: str | None = None
    link_layer: str | None = None
    rate_mbps: int | None = None
    netdev: str | None = None


@dataclass(frozen=True, slots=True)
class Disk:
    """The file system that holds ``path``. ``free_bytes`` are those that this user may fill."""

    path: str
    total_bytes: int
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Docker:
    """Docker as this user finds it. ``problem`` says why the engine does not answer them."""

    cli_version: str | None = None
    engine_version: str | None = None
    problem: str | None = None
    has_nvidia_runtime: bool = False
    root_folder: str | None = None

    @property
    def is_reachable(self) -> bool:
        """Whether the engine answers this user without sudo."""
        return self.engine_version is not None


MpiFlavour = Literal["Open MPI", "MPICH", "Intel MPI", "other"]


@dataclass(frozen=True, slots=True)
class Mpi:
    """One mpirun of a machine."""

    mpirun: str
    flavour: MpiFlavour
    version: str | None = None


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """One machine as the user who logs in finds it now, needing no root and no package.

    What could not be read is None or empty, and ``unreadable`` may say why, by field name.

    ``reached_at`` is the machine's address at which SSH came in. ``sudo`` is what asking for root
    takes; ``password`` where it may also be refused.
    ``memlock_bytes``, ``stack_bytes`` and ``open_files`` are soft limits, None: unlimited.
    ``cores`` are those that the user's programs may run on. ``disks`` are those of the home
    folder, /tmp and Docker's root folder. ``gpus_on_bus`` counts NVIDIA's GPUs that the PCI bus
    shows, with or without a driver. ``mpi_on_path`` is where a shell that is no login shell
    finds ``mpirun``, ``orted`` and ``prted``. ``nvidia_container_toolkit`` is its version.
    ``paths`` answers what was asked about: ``folder``, ``program``, ``file`` or ``absent``.
    ``clock_epoch_s`` is the machine's time when it answered.
    """

    hostname: str
    os_name: str | None = None
    os_id: str | None = None
    os_id_like: tuple[str, ...] = ()
    os_version_id: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    user: str | None = None
    uid: int | None = None
    home: str | None = None
    reached_at: str | None = None
    sudo: Literal["none", "passwordless", "password"] = "none"
    cores: int | None = None
    memory_bytes: int | None = None
    memory_available_bytes: int | None = None
    disks: tuple[Disk, ...] = ()
    shm_bytes: int | None = None
    memlock_bytes: int | None = None
    stack_bytes: int | None = None
    open_files: int | None = None
    gpus: tuple[Gpu, ...] = ()
    gpus_on_bus: int = 0
    nics: tuple[Nic, ...] = ()
    rdma_ports: tuple[RdmaPort, ...] = ()
    has_dev_infiniband: bool = False
    docker: Docker | None = None
    nvidia_container_toolkit: str | None = None
    mpis: tuple[Mpi, ...] = ()
    mpi_on_path: Mapping[str, str] = field(default_factory=dict[str, str])
    python: str | None = None
    python_version: str | None = None
    paths: Mapping[str, str] = field(default_factory=dict[str, str])
    clock_epoch_s: float | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict[str, str])


Images = Mapping[str, Mapping[str, str]]
"""Node -> the images that were seen on its machine, name -> id."""

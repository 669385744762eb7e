"""What was observed on a node, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, as nvidia-smi names it."""

    index: int
    uuid: str
    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """One node as it is now. ``packages`` maps the engine's Python packages to their versions.

    ``mpi_version`` is ``5.0.11`` for Open MPI; None where there is no mpirun. ``files`` are those
    on which the versions rest: path -> inode, size and time of change, as stat(1) prints them.
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
    files: Mapping[str, str] = field(default_factory=dict[str, str])

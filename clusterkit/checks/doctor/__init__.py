"""The doctor's checks: each a small pure function over what was seen, in a file of its name.

The order is that of the table: what others rest on comes first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import ModuleType

from clusterkit.checks.doctor import (
    architecture,
    clock,
    disk,
    docker_engine,
    gpus,
    image,
    interface,
    logins,
    memlock,
    memory,
    mpi_on_path,
    mpi_version,
    nccl,
    nvidia_toolkit,
    packages,
    pairs,
    ports,
    reached,
    ring,
    shm,
    slots,
    stack,
    storage,
)
from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Seen

CHECKS: Mapping[str, ModuleType] = {
    "reached": reached,
    "docker-engine": docker_engine,
    "nvidia-toolkit": nvidia_toolkit,
    "architecture": architecture,
    "interface": interface,
    "ports": ports,
    "pairs": pairs,
    "logins": logins,
    "mpi-version": mpi_version,
    "mpi-on-path": mpi_on_path,
    "packages": packages,
    "image": image,
    "gpus": gpus,
    "slots": slots,
    "shm": shm,
    "memlock": memlock,
    "stack": stack,
    "clock": clock,
    "disk": disk,
    "memory": memory,
    "storage": storage,
    "ring": ring,
    "nccl": nccl,
}
"""Name -> module with ``LOOKS_AT`` (what it looks at, in words) and ``find(seen)``."""

OF_FACTS = ("mpi-version", "packages", "slots")
"""Those that need no more than the facts that a job learns of its nodes anyway."""

BEFORE_JOBS = ("reached", "interface", "ports", "pairs", "logins", "mpi-version", "architecture")
"""A job can only fail or hang where one of these fails, and would tell less."""


@dataclass(frozen=True, slots=True)
class Line:
    """A finding, with the check that it is of."""

    check: str
    looks_at: str
    finding: Finding


def examine(seen: Seen, names: Iterable[str] = CHECKS) -> tuple[Line, ...]:
    """The findings of the named checks, in their order."""
    return tuple(
        Line(name, CHECKS[name].LOOKS_AT, finding)
        for name in names
        for finding in CHECKS[name].find(seen)
    )


def failures(lines: Iterable[Line]) -> tuple[Line, ...]:
    """The lines that say that something fails."""
    return tuple(line for line in lines if line.finding.state == "fail")

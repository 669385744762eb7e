"""Which MPI does a shell find that is no login shell? It should be the one that jobs use.

clusterkit itself calls Open MPI by its full path and gives its daemons a prefix, so a PATH that
finds none is no fault. One that finds another one misleads every mpirun that is typed by hand.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from clusterkit.checks.doctor.finding import Finding, by_text
from clusterkit.checks.doctor.seen import Seen
from clusterkit.facts import MachineFacts, NodeFacts

LOOKS_AT = "MPI on the PATH of ssh"
_FIX = "put the folder of the right one first on PATH in ~/.bashrc, above what ends it there"


def find(seen: Seen) -> list[Finding]:
    """Compare the folder of mpirun, orted and prted with that of the mpirun of jobs."""
    both = {
        name: (seen.facts[name], machine)
        for name, machine in seen.machines.items()
        if name in seen.facts
    }
    if not both:
        return [Finding("skip", seen.names, "no node answers")]
    other = {name: text for name, pair in both.items() if (text := _other(*pair))}
    texts = {
        name: _found(facts, machine)
        for name, (facts, machine) in both.items()
        if name not in other
    }
    return [*by_text("warn", other, fix=_FIX), *by_text("pass", texts)]


def _other(facts: NodeFacts, machine: MachineFacts) -> str | None:
    """What is found elsewhere than in the folder of the mpirun that jobs use."""
    ours = _folder(facts.mpirun)
    strangers = [
        path for path in machine.mpi_on_path.values() if ours is not None and _folder(path) != ours
    ]
    return f"{', '.join(strangers)}; jobs use {facts.mpirun}" if strangers else None


def _found(facts: NodeFacts, machine: MachineFacts) -> str:
    if not machine.mpi_on_path:
        return f"none; jobs use {facts.mpirun or 'none'}"
    names = ", ".join(sorted(machine.mpi_on_path))
    return f"{names} of {_folder(facts.mpirun)}"


def _folder(path: str | None) -> str | None:
    return str(PurePosixPath(path).parent) if path else None

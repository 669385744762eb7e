"""Become this node's torchrun: ask the agent where all of them meet, and go on as it.

Its workers are ranks as mpirun's are: each fetches its program from this node's agent.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from clusterkit.payloads.processes import die_with
from clusterkit.payloads.rank import connect

# What mpirun tells the agent of its own place would tell every worker that it is the same rank.
_OF_MPIRUN = ("OMPI_", "PMIX_", "PRTE_", "PMI_", "ORTE_")


def main() -> None:
    """Run torchrun with the words that were given, and the place of the rendezvous."""
    die_with(os.getppid())
    os.chdir(os.environ["CLUSTERKIT_FOLDER"])
    meeting = ask()
    python = os.environ["CLUSTERKIT_PYTHON"]
    place = ["--master_addr", meeting["MASTER_ADDR"], "--master_port", meeting["MASTER_PORT"]]
    argv = [python, "-m", "torch.distributed.run", *place, *sys.argv[1:]]
    os.execve(python, argv, {**without_mpirun(os.environ), **meeting})  # noqa: S606 - no shell


def ask() -> dict[str, str]:
    """The environment of this node's ranks; it comes when every node is ready."""
    agent = connect("agent.sock")
    agent.sendall(b'{"t":"hello"}\n')
    answer = json.loads(agent.makefile("rb").readline() or "null")
    if answer is None or answer["t"] != "meet":  # the job ends; the agent has told why
        sys.exit(1)
    meeting: dict[str, str] = answer["env"]
    return meeting


def without_mpirun(env: Mapping[str, str]) -> dict[str, str]:
    """``env`` without what mpirun told this process."""
    return {name: value for name, value in env.items() if not name.startswith(_OF_MPIRUN)}

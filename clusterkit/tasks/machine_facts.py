"""Look at a machine with nothing of clusterkit on it: one command, and its answer typed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.facts import Disk, Docker, Gpu, MachineFacts, Mpi, Nic, RdmaPort

_LOOK_S = 60.0
"""For all of it: nvidia-smi alone can take half a minute where the driver is not kept loaded."""
# $1 is the program, $2 its sources, the rest are paths to ask about. Beside an old `python3`
# newer ones have names of their own.
_RUN = """
for python in python3 /usr/libexec/platform-python /opt/clusterkit/bin/python \\
    /opt/venv/bin/python python \\
    python3.13 python3.12 python3.11 python3.10 python3.9 python3.8; do
    found=$(command -v "$python") || continue
    "$found" -I -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
    exec "$found" -I -c "$@"
done
echo "no Python 3.8 or newer is on PATH" >&2
exit 127
"""
# Makes modules of the sources that came with it, as if the package were installed.
_PROGRAM = """
import json, sys, types
for name, source in json.loads(sys.argv.pop(1)).items():
    sys.modules[name] = module = types.ModuleType(name)
    exec(compile(source, name, "exec"), vars(module))
module.main()
"""
_PACKAGE = "clusterkit.payloads"
_PARTS = ("reading", "system", "gpus", "network", "docker", "mpi", "look")
_MODULES = ("interfaces", "rdma", *(f"machine.{part}" for part in _PARTS))
"""Each after those that it imports."""


def look_at_machine(paths: Sequence[str] = (), *, timeout_s: float = _LOOK_S) -> Command:
    """The command that prints what a machine is; it changes nothing and needs no root.

    ``paths`` are told apart as folder, program, file or absent.
    """
    words = ("sh", "-c", _RUN, "sh", _PROGRAM, _sources(), *paths)
    return Command(words, timeout_s=timeout_s)


@cache
def _sources() -> str:
    texts = {
        f"{_PACKAGE}.{name}": files(_PACKAGE).joinpath(f"{name.replace('.', '/')}.py").read_text()
        for name in _MODULES
    }
    return json.dumps(texts, ensure_ascii=False, indent=0)  # its first line is shown


def read_answer(seen: Result) -> MachineFacts:
    """What :func:`look_at_machine` saw.

    Raises:
        ClusterkitError: If the machine has no Python, or the answer is no facts.
    """
    if seen.exit_code == 127:
        said = seen.stderr.strip().rpartition("\n")[2]
        raise ClusterkitError(
            f"{seen.node}: {said}. Fix: install Python there (`sudo apt-get install python3`, "
            "`sudo dnf install python3`)"
        )
    said = seen.check().stdout.strip().rpartition("\n")[2]  # below what a login prints
    try:
        return read_machine(json.loads(said))
    except (ValueError, TypeError, KeyError) as error:
        raise ClusterkitError(
            f"{seen.node}: its Python answers with something else than facts: `{said[:80]}`. "
            "Fix: look at what `python3` is there"
        ) from error


def read_machine(data: Mapping[str, Any]) -> MachineFacts:
    """Turn what payloads/machine printed into types; what it left out, it could not read."""
    nics = [{**nic, "addresses": tuple(nic["addresses"])} for nic in data.get("nics", ())]
    docker = data.get("docker")
    parts = {
        "os_id_like": tuple(data.get("os_id_like", ())),
        "disks": tuple(Disk(**disk) for disk in data.get("disks", ())),
        "gpus": tuple(Gpu(**gpu) for gpu in data.get("gpus", ())),
        "nics": tuple(Nic(**nic) for nic in nics),
        "rdma_ports": tuple(RdmaPort(**port) for port in data.get("rdma_ports", ())),
        "docker": Docker(**docker) if docker else None,
        "mpis": tuple(Mpi(**mpi) for mpi in data.get("mpis", ())),
    }
    return MachineFacts(**{**data, **parts})

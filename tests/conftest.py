"""What tests of every kind share: a Docker engine, and the images that nodes are made from."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException
from hypothesis import HealthCheck, settings

REPOSITORY = Path(__file__).resolve().parent.parent

# Property tests have no stopwatch: a busy machine is no mistake of the code.
settings.register_profile(
    "steady",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("steady")


# Who starts tests in the background may have them ignore Ctrl-C, and with them all they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep", action="store_true", help="leave clusters of e2e tests as they are, to look at"
    )


@pytest.fixture(scope="session")
def docker_host() -> Iterator[docker.DockerClient]:
    """A client of the Docker engine. Where CI is set, an engine must be there."""
    if problem := _engine_problem():
        if os.environ.get("CI"):
            pytest.fail(f"CI needs a Docker engine, and none answers: {problem}", pytrace=False)
        pytest.skip(f"no Docker engine answers: {problem}")
    with contextlib.closing(docker.from_env(timeout=60)) as client:
        yield client


def _engine_problem() -> str | None:
    problem = None
    with warnings.catch_warnings():
        # Where nothing answers, the SDK leaves its socket open.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            with contextlib.closing(docker.from_env(timeout=60)) as client:
                client.ping()
        except DockerException as error:
            problem = str(error)
        gc.collect()
    return problem


@pytest.fixture(scope="session")
def base_image(docker_host: docker.DockerClient) -> str:
    """A Debian with sshd and Python, or `debian:12-slim` where that can be had."""
    return _printed("images/base.py")


@pytest.fixture(scope="session")
def mpi_image(docker_host: docker.DockerClient) -> str:
    """What runs MPI programs, and no engine: small, and quick to build."""
    return _printed("images/build.py", "mpi")


@pytest.fixture(scope="session")
def node_image(docker_host: docker.DockerClient) -> str:
    """What runs the transformers engine on CPUs."""
    return _printed("images/build.py", "cpu")


@pytest.fixture(scope="session")
def lab_image(docker_host: docker.DockerClient) -> str:
    """What the nodes of a small lab are made from: MPI programs, and what faults need."""
    return _printed("images/build.py", "lab-mpi")


def _printed(*words: str) -> str:
    """The name of an image: the last line of a script that builds it where it is not there yet."""
    argv = [sys.executable, *words]
    done = subprocess.run(argv, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(words)}:\n{done.stdout}{done.stderr[-4000:]}", pytrace=False)
    return done.stdout.splitlines()[-1]

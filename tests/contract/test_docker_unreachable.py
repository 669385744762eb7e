"""What is said where no Docker engine answers, or it lets this user not in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import docker
import pytest

LOOK = """
import os, sys
from clusterkit.command import DockerLook
from clusterkit.errors import ClusterkitError
from clusterkit.transports.docker_engine import DockerEngine
if sys.argv[1] == "nobody":
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
try:
    DockerEngine().look(DockerLook("x"))
except ClusterkitError as error:
    print(error)
"""


def _look_elsewhere(who: str, **env: str) -> str:
    argv = [sys.executable, "-c", LOOK, who]
    return subprocess.run(
        argv, env=os.environ | env, capture_output=True, text=True, check=True
    ).stdout


def test_an_engine_that_is_not_there(tmp_path: Path) -> None:
    host = f"unix://{tmp_path}/docker.sock"

    assert _look_elsewhere("me", DOCKER_HOST=host) == (
        f"localhost: Docker does not answer at {host}: No such file or directory. "
        "Fix: start it (`systemctl start docker`), or set DOCKER_HOST\n"
    )


def test_a_user_that_is_not_let_in(docker_host: docker.DockerClient) -> None:
    docker_host.ping()
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    host = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"

    assert _look_elsewhere("nobody") == (
        f"localhost: Docker at {host} does not let this user in: Permission denied. "
        "Fix: add your user to group docker (`sudo usermod -aG docker $USER`) and log in again\n"
    )

"""Where this user's Docker engine is: what DOCKER_HOST says, else this machine's own."""

from __future__ import annotations

import os

_OWN = "unix:///var/run/docker.sock"


def docker_host() -> str:
    """The engine's address; an empty DOCKER_HOST counts as none, as it does for docker itself."""
    return os.environ.get("DOCKER_HOST") or _OWN


def is_docker_here() -> bool:
    """Whether the engine runs on this machine, as far as its address tells."""
    return docker_host().startswith("unix://")

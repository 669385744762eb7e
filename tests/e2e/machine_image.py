"""Images of machines, each built on a node image once for the same content."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import docker
from docker.errors import ImageNotFound

DOCKERFILE = Path(__file__).with_name("images") / "machine.Dockerfile"
CONTENT_LABEL = "clusterkit.content"


def machine_image(engine: docker.DockerClient, base: str, layer: str = "none") -> str:
    """The name of the machines' image on ``base``; built where the one here differs."""
    name = f"clusterkit/test-machine-{base.split('/')[-1].replace(':', '-')}:{layer}"
    content = hashlib.sha256(DOCKERFILE.read_bytes())
    content.update(f"{layer}\n{engine.images.get(base).id}".encode())
    lock = Path(tempfile.gettempdir(), f"clusterkit-images-{os.getuid()}.lock")
    with lock.open("w") as held:  # two test runs of one user share a build
        fcntl.flock(held, fcntl.LOCK_EX)
        if _label(engine, name) != content.hexdigest():
            _build(name, base, layer, content.hexdigest())
    return name


def _label(engine: docker.DockerClient, name: str) -> str | None:
    try:
        label: str | None = engine.images.get(name).labels.get(CONTENT_LABEL)
    except ImageNotFound:
        return None
    return label


def _build(name: str, base: str, layer: str, content: str) -> None:
    argv = ["docker", "build", "--network", "host", "--file", str(DOCKERFILE), "--tag", name]
    argv += ["--label", f"{CONTENT_LABEL}={content}"]
    argv += ["--build-arg", f"BASE={base}", "--build-arg", f"LAYER={layer}"]
    done = subprocess.run(
        [*argv, str(DOCKERFILE.parent)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{name}:\n{done.stdout[-4000:]}"

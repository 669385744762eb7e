"""Images of nodes that pretend to have TensorRT-LLM, one for each version."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import tempfile
from pathlib import Path

import docker
from docker.errors import ImageNotFound

TESTS = Path(__file__).resolve().parents[1]
DOCKERFILE = TESTS / "e2e/images/tensorrt-llm.Dockerfile"
CONTENT_LABEL = "clusterkit.content"


def tensorrt_llm_image(engine: docker.DockerClient, base: str, version: str) -> str:
    """The name of the image with the stand-ins of ``version``; built where the one here differs.

    Builds take a second. Images of other contents keep their names apart, so that two checkouts
    of one machine do not build over each other.
    """
    content = hashlib.sha256(engine.images.get(base).id.encode())
    for path in (DOCKERFILE, TESTS / "golden/trtllm_flags.json", *_sources()):
        content.update(f"{path.relative_to(TESTS)}\n".encode() + path.read_bytes())
    digest = content.hexdigest()[:12]
    repository = f"clusterkit/test-tensorrt-llm-{base.split('/')[-1].partition(':')[0]}"
    name = f"{repository}:{version}-{digest}"
    lock = Path(tempfile.gettempdir(), f"clusterkit-tensorrt-llm-{os.getuid()}.lock")
    with lock.open("w") as held:  # two test runs of one user share a build
        fcntl.flock(held, fcntl.LOCK_EX)
        if not _is_there(engine, name):
            _remove_older(engine, f"{repository}:{version}-")
            _build(name, base, version)
    return name


def _sources() -> list[Path]:
    return sorted(path for path in (TESTS / "stand_ins").rglob("*.py"))


def _is_there(engine: docker.DockerClient, name: str) -> bool:
    try:
        engine.images.get(name)
    except ImageNotFound:
        return False
    return True


def _remove_older(engine: docker.DockerClient, start: str) -> None:
    """Those of former contents; one that a container uses stays."""
    for image in engine.images.list(start.partition(":")[0]):
        for tag in image.tags:
            if tag.startswith(start):
                subprocess.run(["docker", "rmi", tag], capture_output=True, check=False)


def _build(name: str, base: str, version: str) -> None:
    argv = ["docker", "build", "--network", "host", "--file", str(DOCKERFILE), "--tag", name]
    argv += ["--build-arg", f"BASE={base}", "--build-arg", f"VERSION={version}", str(TESTS)]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{name}:\n{done.stdout[-4000:]}"

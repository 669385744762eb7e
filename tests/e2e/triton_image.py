"""The image of a node with a real tritonserver; its wheels are fetched once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import docker
from docker.errors import ImageNotFound

DOCKERFILE = Path(__file__).parent / "images/triton.Dockerfile"
SERVER = "nvidia-pytriton==0.7.0"
CLIENT = ("tritonclient[grpc]==2.73.0", "numpy<2", "protobuf<7")
# What nodes run, whatever Python runs the tests.
_OF_NODES = (
    *("--python-version", "3.11", "--implementation", "cp", "--only-binary", ":all:"),
    *("--platform", "manylinux_2_35_x86_64", "--platform", "manylinux_2_28_x86_64"),
    *("--platform", "manylinux_2_24_x86_64", "--platform", "manylinux_2_17_x86_64"),
    *("--platform", "manylinux2014_x86_64"),
)


def triton_image(engine: docker.DockerClient, base: str) -> str:
    """The name of the image; built where the one here is of another base or Dockerfile."""
    content = hashlib.sha256(engine.images.get(base).id.encode() + DOCKERFILE.read_bytes())
    content.update(" ".join((SERVER, *CLIENT)).encode())
    repository = f"clusterkit/test-triton-{base.split('/')[-1].partition(':')[0]}"
    name = f"{repository}:{content.hexdigest()[:12]}"
    lock = Path(tempfile.gettempdir(), f"clusterkit-triton-{os.getuid()}.lock")
    with lock.open("w") as held:  # two test runs of one user share a build
        fcntl.flock(held, fcntl.LOCK_EX)
        try:
            engine.images.get(name)
        except ImageNotFound:
            _build(name, base)
    return name


def _build(name: str, base: str) -> None:
    """In a folder of its own, whose wheels are linked from the cache."""
    wheels = _wheels()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(wheels, Path(folder, "wheels"))
        argv = ["docker", "build", "--network", "host", "--file", str(DOCKERFILE)]
        argv += ["--tag", name, "--build-arg", f"BASE={base}", folder]
        _run(argv, name)


def _wheels() -> Path:
    """The wheels, in the folder where the models of tests are kept as well."""
    root = os.environ.get("CLUSTERKIT_CACHE") or Path(__file__).resolve().parents[2] / ".cache"
    folder = Path(root, "triton-wheels")
    done = folder / f"{hashlib.sha256(repr((SERVER, CLIENT)).encode()).hexdigest()[:12]}.done"
    if not done.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder)]
        _run([*pip, *_OF_NODES, "--no-deps", SERVER], SERVER)
        _run([*pip, *_OF_NODES, *CLIENT], " ".join(CLIENT))
        done.touch()
    return folder


def _run(argv: list[str], what: str) -> None:
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{what}:\n{done.stdout[-4000:]}"

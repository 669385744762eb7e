"""A Docker engine of the test's own on this machine, which may be stopped and started."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import docker
from docker.errors import DockerException

_STARTS_WITHIN_S = 60


class OwnEngine:
    """dockerd with a folder, a socket, a containerd and a network namespace of its own.

    In the namespace of this machine two engines would write over each other's firewall rules.
    ``before`` are the words before a program that is to reach its containers.
    """

    def __init__(self, folder: Path, namespace: str) -> None:
        self.host = f"unix://{folder}/s.sock"
        self.before = ("nsenter", f"--net=/run/netns/{namespace}")
        self._log = (folder / "log").open("wb")
        self._argv = [
            *(*self.before, "dockerd", "--host", self.host, "--pidfile", folder / "pid"),
            *("--data-root", folder / "data", "--exec-root", folder / "exec"),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        env = {name: os.environ[name] for name in os.environ if "CLUSTERKIT" not in name}
        self._process = subprocess.Popen(
            self._argv, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=env
        )
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with (
                contextlib.suppress(DockerException),
                contextlib.closing(docker.DockerClient(base_url=self.host)) as client,
            ):
                client.ping()
                return
            time.sleep(0.2)
        raise RuntimeError(f"dockerd did not start: see {self._log.name}")

    def stop(self) -> None:
        """End it in order, and with it all containers."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            self._process = None

    def load(self, image: str) -> None:
        """Give it an image of the engine that this process otherwise uses."""
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
            load = ["docker", "--host", self.host, "load", "--quiet"]
            subprocess.run(load, stdin=save.stdout, check=True, capture_output=True)


@contextlib.contextmanager
def own_engine(folder: Path, image: str) -> Iterator[OwnEngine]:
    """An engine that has one image; within the context it is the one that DOCKER_HOST names."""
    folder.mkdir()
    namespace = f"ck-{secrets.token_hex(4)}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    engine = OwnEngine(folder, namespace)
    given = os.environ.get("DOCKER_HOST")
    try:
        engine.start()
        engine.load(image)
        os.environ["DOCKER_HOST"] = engine.host
        yield engine
    finally:
        os.environ.pop("DOCKER_HOST", None)
        if given is not None:
            os.environ["DOCKER_HOST"] = given
        engine.stop()
        subprocess.run(["ip", "netns", "delete", namespace], check=True)

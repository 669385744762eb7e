"""A person at a terminal: runs the real CLI in a state folder of its own, and leaves nothing."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException, NotFound

REPOSITORY = Path(__file__).resolve().parent.parent.parent
CLUSTER_LABEL = "clusterkit.cluster"

Done = subprocess.CompletedProcess[str]


@dataclass
class Controller:
    """Calls to the CLI, each remembered so that a failing test can show them.

    ``clusters`` are the clusters that this person may have made. ``engine`` is None where the
    test needs no Docker. ``before`` are words before the CLI's own, which end with running what
    follows them; ``variables`` are added to its environment.
    """

    home: Path
    engine: docker.DockerClient | None = None
    clusters: set[str] = field(default_factory=set)
    calls: list[Done] = field(default_factory=list)
    running: list[subprocess.Popen[str]] = field(default_factory=list)
    before: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict)

    def __call__(self, *words: object, stdin: str | None = None, timeout_s: float = 180) -> Done:
        """Run one command line to its end; any exit code is an answer."""
        argv = [*self.before, *CLUSTERKIT, *map(str, words)]
        given = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
        try:
            done = subprocess.run(
                argv,
                cwd=REPOSITORY,
                env=self.environment,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                **given,
            )
        except subprocess.TimeoutExpired as late:
            shown = [_text(part) for part in (late.stdout, late.stderr)]
            self.calls.append(subprocess.CompletedProcess(argv, -signal.SIGKILL, *shown))
            raise
        self.calls.append(done)
        return done

    def start(
        self,
        *words: object,
        program: tuple[str, ...] = (),
        stdin: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        """Start one command line in a process group of its own, to be signalled or read from.

        ``program`` are other words for Python than those that start the CLI.
        """
        process = subprocess.Popen(
            [*self.before, CLUSTERKIT[0], *(program or CLUSTERKIT[1:]), *map(str, words)],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.running.append(process)
        return process

    @property
    def environment(self) -> dict[str, str]:
        """This test's own state; models are fetched once for all tests."""
        env = {key: value for key, value in os.environ.items() if key != "CLUSTERKIT_CLUSTER"}
        env["CLUSTERKIT_HOME"] = str(self.home)
        env.setdefault("CLUSTERKIT_CACHE", str(REPOSITORY / ".cache"))
        return env | self.variables

    def report(self) -> str:
        """What every call printed, and what every container of the clusters logged."""
        parts = [
            f"$ clusterkit {' '.join(call.args[len(self.before) + len(CLUSTERKIT) :])}\n"
            f"[exit {call.returncode}]\n{call.stdout}{call.stderr}"
            for call in self.calls
        ]
        for container in self._labelled("containers"):
            with contextlib.suppress(DockerException):  # it may go while we look
                log = container.logs(tail=50).decode(errors="replace")
                parts.append(f"--- docker logs {container.name} ({container.status})\n{log}")
        return "\n".join(parts)

    def close(self) -> None:
        """End what runs, then remove every cluster, also where `down` fails to."""
        for process in self.running:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        try:
            for folder in (self.home / "clusters").glob("*"):
                self("down", "-c", folder.name, "--yes", timeout_s=60)
        except subprocess.TimeoutExpired:
            pass  # the calls are shown where the test failed; the next lines remove the rest
        finally:
            for container in self._labelled("containers"):
                with contextlib.suppress(NotFound):
                    container.remove(force=True, v=True)
            for kind in ("networks", "volumes"):
                for thing in self._labelled(kind):
                    with contextlib.suppress(NotFound):
                        thing.remove()
            self._remove_locks()

    def _remove_locks(self) -> None:
        """What a killed `up` leaves; the lock is not the cluster's, so it has another label."""
        for name in sorted(self.clusters) if self.engine else ():
            with contextlib.suppress(NotFound):
                self.engine.volumes.get(f"clusterkit-{name}-lock").remove()

    def _labelled(self, kind: str) -> list:
        if self.engine is None:
            return []
        arguments = {"all": True} if kind == "containers" else {}
        return [
            thing
            for name in sorted(self.clusters)
            for thing in getattr(self.engine, kind).list(
                filters={"label": f"{CLUSTER_LABEL}={name}"}, **arguments
            )
        ]


CLUSTERKIT = (sys.executable, "-m", "clusterkit")


def _text(part: str | bytes | None) -> str:
    return part.decode(errors="replace") if isinstance(part, bytes) else part or ""


def new_cluster_name() -> str:
    """A name that no other test run uses."""
    return f"ck-{secrets.token_hex(4)}"


def first_object(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON that a verb prints while it goes on."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            found: dict[str, Any] = json.loads(text)
            return found
    _, said = process.communicate(timeout=60)
    raise AssertionError(f"{process.returncode}: {text}{said}")


@contextlib.contextmanager
def free_subnet(engine: docker.DockerClient) -> Iterator[str]:
    """Hold a /24 that no network of this machine uses; other test runs leave it alone meanwhile.

    It is held by a socket's name, which goes with this process however that ends.
    """
    for _ in range(100):
        subnet = ipaddress.ip_network(
            f"10.{64 + secrets.randbelow(128)}.{secrets.randbelow(256)}.0/24"
        )
        with socket.socket(socket.AF_UNIX) as holder:
            try:
                holder.bind(f"\0clusterkit-subnet-{subnet}")
            except OSError:
                continue
            if not any(subnet.overlaps(used) for used in _used_networks(engine)):
                yield str(subnet)
                return
    raise RuntimeError("a hundred subnets of 10.64.0.0 to 10.191.255.0 were all in use")


def _used_networks(engine: docker.DockerClient) -> list[ipaddress.IPv4Network]:
    """The subnets of Docker's networks and of this machine's routes, but the default route."""
    docker_subnets = [
        config["Subnet"]
        for network in engine.networks.list()
        for config in network.attrs["IPAM"]["Config"] or ()
        if ":" not in config["Subnet"]
    ]
    listed = subprocess.run(["ip", "-4", "-json", "route"], capture_output=True, check=True).stdout
    routes = [row["dst"] for row in json.loads(listed or "[]") if row["dst"] != "default"]
    return [ipaddress.IPv4Network(text, strict=False) for text in (*docker_subnets, *routes)]

"""A folder, a state and names of our own for one benchmark; nothing of it stays."""

from __future__ import annotations

import ipaddress
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import docker

from bench.race import timed
from clusterkit.tasks.payload import payload_folder

CLUSTERKIT = Path(sys.executable).with_name("clusterkit")
PYTHON = "/opt/clusterkit/bin/python"
MPIRUN = "/opt/clusterkit/bin/mpirun"
HELLO_IMAGE = "clusterkit/node-mpi:dev"
MODEL_IMAGE = "clusterkit/node-cpu:dev"

_INVENTORY = """\
cluster: {name}
provider: docker
nodes:
  node[1-{count}]: {{slots: {slots}}}
network: {{subnet: {subnet}}}
container: {{image: "{image}"}}
storage: {{kind: volume, path: /shared}}
python: {python}
engine: {{name: transformers, model: smollm2-135m, pp: 2}}
"""


class Lab:
    """Where a benchmark works. ``env`` is for every call of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {"CLUSTERKIT_HOME": str(folder / "home")}
        cache = Path(__file__).resolve().parent.parent / ".cache"
        self.env["CLUSTERKIT_CACHE"] = os.environ.get("CLUSTERKIT_CACHE", str(cache))

    def name(self, what: str) -> str:
        """A name that nothing else on this machine has."""
        return f"bench-{what}-{secrets.token_hex(3)}"

    def clusterkit(self, *words: str | Path) -> float:
        """Seconds of one verb."""
        return timed([CLUSTERKIT, *words], env=self.env)

    def answer(self, *words: str) -> dict[str, object]:
        """What a verb answers as JSON."""
        done = subprocess.run(
            [CLUSTERKIT, *words, "-o", "json"],
            env={**os.environ, **self.env},
            check=True,
            capture_output=True,
        )
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def inventory(self, name: str, subnet: str, *, count: int, slots: int, image: str) -> Path:
        """Write the inventory of a cluster of containers."""
        file = self.folder / f"{name}.yaml"
        file.write_text(
            _INVENTORY.format(
                name=name, subnet=subnet, count=count, slots=slots, image=image, python=PYTHON
            )
        )
        return file


@contextmanager
def lab() -> Iterator[Lab]:
    """A lab; every cluster that is still there at the end is taken down."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as last:
        here = Lab(Path(folder))
        last.callback(_down, here)
        yield here


def _down(here: Lab) -> None:
    for folder in (here.folder / "home" / "clusters").glob("bench-*"):
        here.clusterkit("down", "-c", folder.name, "--yes")


class Pair:
    """Two nodes that are up. ``head`` is the container of the first."""

    def __init__(self, here: Lab, name: str, subnet: str) -> None:
        self.name, self.subnet = name, subnet
        self.containers = [f"{name}-node1", f"{name}-node2"]
        self.head = self.containers[0]
        self.payloads = payload_folder(f"/var/lib/clusterkit/{name}")
        self.lab = here

    def mpirun(self, slots: int, *words: str, like_ours: bool = False) -> list[str]:
        """The bare command: by ``docker exec`` on the head, as a person would start it.

        It uses the cluster's own ssh set-up and pins all TCP to the cluster's subnet, as ours
        does. ``like_ours``: it is also told not to look for other transports than TCP and
        shared memory, which Open MPI 5 does for a second.
        """
        transports = ("--mca", "pml", "ob1", "--mca", "btl", "self,sm,tcp") if like_ours else ()
        return [
            *("docker", "exec", self.head, MPIRUN, "--allow-run-as-root"),
            *("--prefix", str(Path(MPIRUN).parent.parent), "--bind-to", "none"),
            *("--prtemca", "prte_if_include", self.subnet),
            *("--mca", "btl_tcp_if_include", self.subnet),
            *transports,
            *("-H", f"node1:{slots},node2:{slots}", "-np", str(2 * slots), *words),
        ]


@contextmanager
def pair(here: Lab, what: str, *, slots: int, image: str) -> Iterator[Pair]:
    """Two containers, up; and down again."""
    name, subnet = here.name(what), free_subnet()
    file = here.inventory(name, subnet, count=2, slots=slots, image=image)
    here.clusterkit("up", file, "--yes")
    try:
        yield Pair(here, name, subnet)
    finally:
        here.clusterkit("down", "-c", name, "--yes")


def free_subnet() -> str:
    """A /24 that no network of the engine or interface of this machine has."""
    client = docker.from_env()
    try:
        taken = [
            ipaddress.ip_network(pool["Subnet"])
            for network in client.networks.list()
            for pool in (network.attrs["IPAM"]["Config"] or ())
            if pool.get("Subnet")
        ]
    finally:
        client.close()
    routes = subprocess.run(["ip", "-4", "-o", "route"], capture_output=True, text=True).stdout
    words = (line.split()[0] for line in routes.splitlines())
    taken += [ipaddress.ip_network(word, strict=False) for word in words if word[0].isdigit()]
    while True:
        subnet = f"10.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}.0/24"
        net = ipaddress.ip_network(subnet)
        if not any(net.version == other.version and net.overlaps(other) for other in taken):
            return subnet

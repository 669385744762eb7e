"""Networks of containers: ones that this machine reaches, and ones that it does not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import docker

from tests.e2e.controller import free_subnet


@dataclass(frozen=True)
class Network:
    """A bridge of the Docker engine, and the /24 on it."""

    subnet: str
    network: Any

    def address(self, number: int) -> str:
        """The address of machine ``number``, counted from 1."""
        return self.subnet.replace(".0/24", f".{10 + number}")

    def connect(self, container: Any, number: int) -> None:
        """Give a container its address here."""
        self.network.connect(container, ipv4_address=self.address(number))

    def disconnect(self, container: Any) -> None:
        """Take it away again, as somebody does who pulls the cable."""
        self.network.disconnect(container, force=True)


@contextlib.contextmanager
def network(engine: docker.DockerClient, name: str, *, from_here: bool) -> Iterator[Network]:
    """A network with a free subnet; without ``from_here``, this machine has no way into it."""
    options = {} if from_here else {"com.docker.network.bridge.inhibit_ipv4": "true"}
    with free_subnet(engine) as subnet:
        pool = docker.types.IPAMPool(subnet=subnet)
        made = engine.networks.create(
            name,
            driver="bridge",
            options=options,
            internal=not from_here,  # and so no default route that leads nowhere
            ipam=docker.types.IPAMConfig(pool_configs=[pool]),
        )
        try:
            yield Network(subnet, made)
        finally:
            made.remove()

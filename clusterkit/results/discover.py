"""What ``discover`` answers: machines as they are, and the inventory that they would have."""

from __future__ import annotations

from pydantic import Field

from clusterkit.facts import MachineFacts
from clusterkit.model.base import Model


class SeenMachine(Model):
    """One machine. ``facts`` is null where it could not be looked at."""

    host: str = Field(description="As the command line named it", examples=["me@gpu1:22"])
    error: str | None = Field(default=None, description="Why it could not be looked at")
    facts: MachineFacts | None = None


class SeenNetwork(Model):
    """A network that all machines share."""

    subnet: str
    speed_mbps: int | None = Field(default=None, description="Of the slowest interface")
    rdma: bool = Field(description="Every machine has an RDMA device there")
    addresses: dict[str, str] = Field(description="Host -> its address")


class PinnedKey(Model):
    """A host key that was seen for the first time, and is trusted from now on."""

    host: str
    fingerprint: str = Field(examples=["ssh-ed25519 SHA256:…"])


class DiscoverResult(Model):
    """Machines, their networks, and the inventory."""

    machines: tuple[SeenMachine, ...]
    networks: tuple[SeenNetwork, ...] = Field(description="The first is the cluster's")
    pinned: tuple[PinnedKey, ...] = Field(default=(), description="With `--trust accept-new`")
    inventory: str | None = Field(default=None, description="Its text; null: none can be made")
    path: str | None = Field(default=None, description="The file that was written")
    took_s: float = Field(description="Seconds")

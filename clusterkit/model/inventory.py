"""The inventory: the nodes of a cluster, their network and storage, and the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

from pydantic import Field

from clusterkit.model.addresses import Subnet, assign
from clusterkit.model.any_engine import AnyEngine
from clusterkit.model.base import Model, Name
from clusterkit.model.cluster import (
    Cluster,
    Container,
    Node,
    Storage,
    StorageKind,
    default_sync_path,
)
from clusterkit.model.container import (
    CONTAINER_SSH_PORT,
    IMAGE_PYTHON,
    ContainerSettings,
    NodePath,
    absolute,
)
from clusterkit.model.engine import EngineSettings
from clusterkit.model.lab import LabSettings
from clusterkit.model.machine import Login, Machine, SshSettings
from clusterkit.model.models import is_path
from clusterkit.model.node_sets import NotANodeSet, expand
from clusterkit.model.node_settings import NodeSettings


class NetworkSettings(Model):
    """The network that the nodes share: docker makes it, machines have it."""

    subnet: Subnet = Field(
        description="An IPv4 subnet. docker: a private one that nothing else here uses",
        examples=["192.168.123.0/24"],
    )


class StorageSettings(Model):
    """Where all nodes see the same files: models, and what jobs share."""

    kind: StorageKind = Field(
        description="bind: a folder of the host, which stays; on machines, a path that they share "
        "already. volume: Docker's, goes with the cluster. local: this machine's own files. nfs: "
        "mounted on every machine. sync: each machine has its own copy",
        examples=["volume"],
    )
    source: str | None = Field(
        default=None,
        min_length=1,
        description="bind with docker: the folder. nfs: server:/export",
        examples=["./shared"],
    )
    path: NodePath | None = Field(
        default=None,
        description="Where the nodes see it; default: /shared (docker), a folder of each machine "
        "(sync)",
        examples=["/shared"],
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One node of a node set: its name, its settings with the defaults, what is its own."""

    name: str
    node_set: str
    settings: NodeSettings
    address: str | None
    host: str | None = None
    key: Literal["nodes", "spares"] = "nodes"

    @property
    def place(self) -> tuple[str, str]:
        """Where the file describes its node set."""
        return (self.key, self.node_set)


class Inventory(Model):
    """A cluster, as one YAML file describes it."""

    cluster: Name = Field(description="The cluster's name", examples=["pair"])
    provider: Literal["local", "docker", "ssh"] = Field(
        description="Where nodes come from: this machine, containers on a Docker host, or "
        "machines that are reached by SSH",
        examples=["docker"],
    )
    runtime: Literal["bare", "docker"] | None = Field(
        default=None,
        description="ssh only: ranks run on the machines as they are (bare, the default), or in "
        "one container on each (docker)",
        examples=["bare"],
    )
    ssh: SshSettings | None = Field(
        default=None,
        description="ssh only: how the machines are reached",
        examples=[{"user": "ubuntu"}],
    )
    defaults: NodeSettings = Field(
        default=NodeSettings(),
        description="For every node that does not say otherwise",
        examples=[{"slots": 2}],
    )
    nodes: dict[str, NodeSettings | None] = Field(
        min_length=1,
        description="Node sets and their settings, in order; the first node is the head",
        examples=[{"node[1-2]": {"slots": 2}}],
    )
    spares: dict[str, NodeSettings | None] = Field(
        default={},
        description="Node sets that are brought up like nodes and get no rank until one of them "
        "takes the place of a node that is lost; not with local",
        examples=[{"node3": {"slots": 2}}],
    )
    groups: dict[Name, str] = Field(
        default={},
        description="Names for sets of nodes: @NAME in every verb that takes nodes",
        examples=[{"workers": "node[2-3]"}],
    )
    network: NetworkSettings | None = Field(
        default=None,
        description="The cluster network; not with local",
        examples=[{"subnet": "192.168.123.0/24"}],
    )
    container: ContainerSettings | None = Field(
        default=None,
        description="What nodes that are containers are made from",
        examples=[{"image": "clusterkit/node-cpu"}],
    )
    storage: StorageSettings | None = Field(
        default=None,
        description="Files that all nodes share; default: a volume (docker), a folder (local), "
        "a copy on each (ssh)",
        examples=[{"kind": "volume", "path": "/shared"}],
    )
    python: str | None = Field(
        default=None,
        min_length=1,
        description="The Python on the nodes that has the engine's packages",
        examples=[IMAGE_PYTHON],
    )
    lab: LabSettings | None = Field(
        default=None,
        description="docker only: `lab fault` may break this cluster; `lab up` writes it",
        examples=[{"disk": "64m"}],
    )
    engine: AnyEngine = Field(
        default=EngineSettings(),
        description="What runs inside a rank",
        examples=[{"name": "transformers", "model": "smollm2-135m", "pp": 2}],
    )

    def entries(self) -> Iterator[Entry]:
        """Every node in order, then the spares; what cannot be expanded is left out."""
        top = NodeSettings(python=self.python, container=self.container, ssh=self.ssh)
        for key, node_set, own in self.node_sets():
            settings = (own or NodeSettings()).over(self.defaults.over(top))
            names = _expanded(node_set)
            addresses = _one_each(settings.address, names)
            hosts = _one_each(settings.host, names)
            for name, address, host in zip(names, addresses, hosts, strict=True):
                yield Entry(name, node_set, settings, address, host, key)

    def node_sets(
        self,
    ) -> Iterator[tuple[Literal["nodes", "spares"], str, NodeSettings | None]]:
        """Each node set with the key under which it stands, and its own settings."""
        for node_set, own in self.nodes.items():
            yield "nodes", node_set, own
        for node_set, own in self.spares.items():
            yield "spares", node_set, own

    def resolve(self, *, base: Path, local_home: Path, local_storage: Path) -> Cluster:
        """The cluster that this means; call it on inventories that ``load_inventory`` gave.

        ``base`` is the inventory's folder, from which its relative paths go. The other two are
        where a cluster on this machine keeps its files.
        """
        entries = list(self.entries())
        addresses = self._addresses(entries)
        local = self.provider == "local"
        return Cluster(
            name=self.cluster,
            provider=self.provider,
            nodes=tuple(
                Node(
                    name=entry.name,
                    slots=entry.settings.slot_count,
                    gpus=entry.settings.gpus or (),
                    address=addresses.get(entry.name),
                    python=_python(entry.settings.python, base),
                    container=self._container(entry, base),
                    machine=self._machine(entry, base),
                    home=self._home(entry),
                    login=self._login(entry),
                    standing="spare" if entry.key == "spares" else "member",
                )
                for entry in entries
            ),
            storage=self._storage(base, local_storage),
            engine=self.engine.model_copy(update={"model": model_path(self.engine.model, base)}),
            subnet=self.network.subnet if self.network else None,
            groups={name: _expanded(members) for name, members in self.groups.items()},
            home=str(local_home) if local else f"/var/lib/clusterkit/{self.cluster}",
            lab=self.lab.resolve() if self.lab else None,
        )

    def _addresses(self, entries: list[Entry]) -> dict[str, str]:
        if self.network is None:
            return {}
        given = {entry.name: IPv4Address(entry.address) for entry in entries if entry.address}
        if self.provider == "ssh":  # the others are found on the machines
            return {name: str(address) for name, address in given.items()}
        names = [entry.name for entry in entries]
        assigned = assign(names, given, IPv4Network(self.network.subnet))
        return {name: str(address) for name, address in assigned.items()}

    def _container(self, entry: Entry, base: Path) -> Container | None:
        bare = self.provider == "local" or (self.provider == "ssh" and self.runtime != "docker")
        if bare or entry.settings.container is None:
            return None
        return entry.settings.container.resolve(base)

    def _machine(self, entry: Entry, base: Path) -> Machine | None:
        if self.provider != "ssh":
            return None
        machine = (entry.settings.ssh or SshSettings()).machine(entry.host or entry.name)
        key_file = absolute(machine.key_file, base) if machine.key_file else None
        return replace(machine, key_file=key_file)

    def _home(self, entry: Entry) -> str | None:
        """Machines may share their users' homes, so that each node has a folder of its own."""
        if self.provider != "ssh" or self.runtime == "docker":
            return None
        return f"~/.clusterkit/{self.cluster}/{entry.name}"

    def _login(self, entry: Entry) -> Login | None:
        """Of a container of ours on a machine; a machine itself is asked."""
        if self.provider != "ssh" or self.runtime != "docker":
            return None
        container = entry.settings.container
        return Login("root", (container and container.ssh_port) or CONTAINER_SSH_PORT, ())

    def _storage(self, base: Path, local_storage: Path) -> Storage:
        if self.provider == "local":
            return Storage("local", str(local_storage))
        if self.provider == "ssh":
            wanted = self.storage or StorageSettings(kind="sync")
            path = wanted.path or default_sync_path(self.cluster)
            return Storage(wanted.kind, path, wanted.source)
        wanted = self.storage or StorageSettings(kind="volume")
        source = absolute(wanted.source, base) if wanted.source else None
        return Storage(wanted.kind, wanted.path or "/shared", source)


def model_path(model: str, base: Path) -> str:
    """A model as the engine takes it: paths absolute, names as they are."""
    return absolute(model, base) if is_path(model) else model


def _python(python: str | None, base: Path) -> str | None:
    """A relative path is seen from the inventory; a bare name is looked up on the node."""
    return absolute(python, base) if python and "/" in python else python


def _one_each(text: str | None, names: tuple[str, ...]) -> tuple[str | None, ...]:
    """The members of a set that is as long as the node set; else none, which is a mistake."""
    given = _expanded(text or "")
    return given if len(given) == len(names) else (None,) * len(names)


def _expanded(text: str) -> tuple[str, ...]:
    try:
        return expand(text)
    except NotANodeSet:
        return ()

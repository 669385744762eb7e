"""The inventory: the nodes of a cluster, their network and storage, and the engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from clusterkit.model.addresses import assign
from clusterkit.model.base import Model, Name
from clusterkit.model.cluster import Cluster, Container, Node, Storage
from clusterkit.model.container import IMAGE_PYTHON, ContainerSettings, NodePath, absolute
from clusterkit.model.engine import EngineSettings
from clusterkit.model.mistakes import mistake
from clusterkit.model.models import is_path
from clusterkit.model.node_sets import NotANodeSet, expand, expand_numbers

_SMALLEST_PREFIX, _LARGEST_PREFIX = 8, 29


def _gpus(given: Any) -> Any:
    if isinstance(given, int) and not isinstance(given, bool):
        fix = f'write [{given}] for that GPU, or a range such as "0-3"'
        raise mistake("must be a list of GPU numbers, not one number", fix)
    if isinstance(given, str):
        try:
            given = expand_numbers(given)
        except NotANodeSet as error:
            raise mistake(f"`{given}` {error}", 'write [0, 1] or "0-3"') from None
    return tuple(given) if isinstance(given, list) else given


def _each_once(gpus: tuple[int, ...]) -> tuple[int, ...]:
    for gpu in gpus:
        if gpus.count(gpu) > 1:
            raise mistake(f"GPU {gpu} is listed twice", "list each GPU once")
    return gpus


def _subnet(text: str) -> str:
    try:
        subnet = IPv4Network(text, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        raise mistake(f"`{text}` is not an IPv4 subnet", "write 192.168.123.0/24") from None
    if "/" not in text or not _SMALLEST_PREFIX <= subnet.prefixlen <= _LARGEST_PREFIX:
        raise mistake(f"`{text}` has no size from /8 to /29", "write 192.168.123.0/24")
    if not subnet.is_private:
        raise mistake(f"`{text}` is not a private network", "write 192.168.123.0/24")
    if str(subnet) != text:
        raise mistake(f"`{text}` does not begin at its first address", f"write {subnet}")
    return text


Gpus = Annotated[
    tuple[Annotated[int, Field(ge=0)], ...],
    BeforeValidator(_gpus),
    AfterValidator(_each_once),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "integer", "minimum": 0}},
                {"type": "string", "pattern": "^[0-9,/-]+$"},
            ]
        }
    ),
]
"""GPU numbers, as a list or as a range."""


class NodeSettings(Model):
    """What one node set says of its nodes; what it leaves out comes from ``defaults``."""

    slots: int | None = Field(
        default=None,
        ge=1,
        description="How many ranks fit on each node; default: one for each GPU, else 1",
        examples=[2],
    )
    address: str | None = Field(
        default=None,
        min_length=1,
        description="Addresses on the cluster network: a set as long as the node set",
        examples=["192.168.123.[111-112]"],
    )
    gpus: Gpus | None = Field(
        default=None,
        description="The GPUs of the node's host that it may use; default: none",
        examples=[[0, 1], "0-7"],
    )
    python: str | None = Field(
        default=None,
        min_length=1,
        description="The Python that has the engine's packages; default: looked for",
        examples=[IMAGE_PYTHON],
    )
    container: ContainerSettings | None = Field(
        default=None,
        description="What is different about these nodes' containers",
        examples=[{"shm_size": "8g"}],
    )

    def over(self, base: NodeSettings) -> NodeSettings:
        """These settings, and those of ``base`` where these say nothing."""
        said = {name: getattr(self, name) for name in self.model_fields_set}
        said = {name: value for name, value in said.items() if value is not None}
        if self.container and base.container:
            said["container"] = self.container.over(base.container)
        return base.model_copy(update=said)

    @property
    def slot_count(self) -> int:
        """The slots of each node: those asked for, or one for each GPU, or one."""
        return self.slots or len(self.gpus or ()) or 1


class NetworkSettings(Model):
    """The network that the nodes of a docker cluster share; clusterkit makes it."""

    subnet: Annotated[str, AfterValidator(_subnet)] = Field(
        description="A private IPv4 subnet that nothing else here uses",
        examples=["192.168.123.0/24"],
    )


class StorageSettings(Model):
    """Where all nodes see the same files: models, and what jobs share."""

    kind: Literal["bind", "volume", "local"] = Field(
        description="bind: a folder of the host, which stays. volume: Docker's, goes with the "
        "cluster. local: this machine's own files",
        examples=["volume"],
    )
    source: str | None = Field(
        default=None, min_length=1, description="bind: the folder", examples=["./shared"]
    )
    path: NodePath | None = Field(
        default=None, description="Where the nodes see it; default: /shared", examples=["/shared"]
    )


@dataclass(frozen=True, slots=True)
class Entry:
    """One node of a node set: its name, its settings with the defaults, its given address."""

    name: str
    node_set: str
    settings: NodeSettings
    address: str | None


class Inventory(Model):
    """A cluster, as one YAML file describes it."""

    cluster: Name = Field(description="The cluster's name", examples=["pair"])
    provider: Literal["local", "docker"] = Field(
        description="Where nodes come from: this machine, or containers on a Docker host",
        examples=["docker"],
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
    groups: dict[Name, str] = Field(
        default={},
        description="Names for sets of nodes: @NAME in every verb that takes nodes",
        examples=[{"workers": "node[2-3]"}],
    )
    network: NetworkSettings | None = Field(
        default=None,
        description="docker only: the cluster network",
        examples=[{"subnet": "192.168.123.0/24"}],
    )
    container: ContainerSettings | None = Field(
        default=None,
        description="docker only: what the nodes are made from",
        examples=[{"image": "clusterkit/node-cpu"}],
    )
    storage: StorageSettings | None = Field(
        default=None,
        description="Files that all nodes share; default: a volume (docker), a folder (local)",
        examples=[{"kind": "volume", "path": "/shared"}],
    )
    python: str | None = Field(
        default=None,
        min_length=1,
        description="The Python on the nodes that has the engine's packages",
        examples=[IMAGE_PYTHON],
    )
    engine: EngineSettings = Field(
        default=EngineSettings(),
        description="What runs inside a rank",
        examples=[{"name": "transformers", "model": "smollm2-135m", "pp": 2}],
    )

    def entries(self) -> Iterator[Entry]:
        """Every node in order; node sets and addresses that cannot be expanded are left out."""
        top = NodeSettings(python=self.python, container=self.container)
        for node_set, own in self.nodes.items():
            settings = (own or NodeSettings()).over(self.defaults.over(top))
            names = _expanded(node_set)
            given = _expanded(settings.address or "")
            addresses = given if len(given) == len(names) else (None,) * len(names)
            for name, address in zip(names, addresses, strict=True):
                yield Entry(name, node_set, settings, address)

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
                )
                for entry in entries
            ),
            storage=self._storage(base, local_storage),
            engine=self.engine.model_copy(update={"model": model_path(self.engine.model, base)}),
            subnet=self.network.subnet if self.network else None,
            groups={name: _expanded(members) for name, members in self.groups.items()},
            home=str(local_home) if local else f"/var/lib/clusterkit/{self.cluster}",
        )

    def _addresses(self, entries: list[Entry]) -> dict[str, str]:
        if self.network is None:
            return {}
        given = {entry.name: IPv4Address(entry.address) for entry in entries if entry.address}
        names = [entry.name for entry in entries]
        assigned = assign(names, given, IPv4Network(self.network.subnet))
        return {name: str(address) for name, address in assigned.items()}

    def _container(self, entry: Entry, base: Path) -> Container | None:
        if self.provider == "local" or entry.settings.container is None:
            return None
        return entry.settings.container.resolve(base)

    def _storage(self, base: Path, local_storage: Path) -> Storage:
        if self.provider == "local":
            return Storage("local", str(local_storage))
        wanted = self.storage or StorageSettings(kind="volume")
        source = absolute(wanted.source, base) if wanted.source else None
        return Storage(wanted.kind, wanted.path or "/shared", source)


def model_path(model: str, base: Path) -> str:
    """A model as the engine takes it: paths absolute, names as they are."""
    return absolute(model, base) if is_path(model) else model


def _python(python: str | None, base: Path) -> str | None:
    """A relative path is seen from the inventory; a bare name is looked up on the node."""
    return absolute(python, base) if python and "/" in python else python


def _expanded(text: str) -> tuple[str, ...]:
    try:
        return expand(text)
    except NotANodeSet:
        return ()

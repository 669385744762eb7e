"""A cluster as the inventory means it: ranges expanded, defaults applied, paths absolute.

These are the values that placement, plan and providers work on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from clusterkit.model.engine import EngineSettings
from clusterkit.model.machine import Login, Machine

SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host that a container sees."""

    source: str
    path: str
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Build:
    """How the node image is built from a Dockerfile; paths are absolute."""

    context: str
    dockerfile: str
    args: Mapping[str, str] = field(default_factory=dict[str, str])
    network: str | None = None


@dataclass(frozen=True, slots=True)
class Container:
    """What a node's container is made from.

    ``shm_size`` is as Docker writes it (``1g``). ``ulimits`` are soft = hard. ``ports`` are
    published as ``host:container``. ``devices`` are paths of the host (``/dev/infiniband``).
    On a machine, ``network`` is the machine's own (``host``) or one that Docker there has, and
    with ``rdma`` it gets the machine's RDMA devices, if there are any.
    """

    image: str
    build: Build | None = None
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    mounts: tuple[Mount, ...] = ()
    ports: tuple[str, ...] = ()
    shm_size: str | None = None
    ipc: str | None = None
    ulimits: Mapping[str, int] = field(default_factory=dict[str, int])
    network: str = "host"
    rdma: bool = True
    devices: tuple[str, ...] = ()


Standing = Literal["member", "spare", "out"]
"""A member has ranks; a spare waits for its place; who is out has lost it, or never came up."""


@dataclass(frozen=True, slots=True)
class Node:
    """What MPI sees as one machine.

    ``gpus`` are indices on the node's host; rank ``i`` of the node gets ``gpus[i]``. ``python``
    is the interpreter that has the engine's packages, or None to look for one. ``machine`` is how
    it is reached where it is not made by us. ``home`` is its folder of the cluster where that is
    not the same on all nodes; it begins with ``~/`` until the node was asked, as ``login`` is
    None. ``stands_for`` is the node whose place it has, of a spare that became a member.
    """

    name: str
    slots: int
    gpus: tuple[int, ...] = ()
    address: str | None = None
    python: str | None = None
    container: Container | None = None
    machine: Machine | None = None
    home: str | None = None
    login: Login | None = None
    standing: Standing = "member"
    stands_for: str | None = None

    @property
    def devices(self) -> tuple[int, ...]:
        """``gpus`` as the node itself counts them: a container sees only its own, from 0."""
        return self.gpus if self.container is None else tuple(range(len(self.gpus)))

    @property
    def is_carried(self) -> bool:
        """Whether it is a container on a machine of the user's."""
        return self.machine is not None and self.container is not None

    @property
    def ssh_port(self) -> int:
        """Where its sshd listens; 22 as long as nobody said another."""
        return self.login.port if self.login else SSH_PORT


PROOF_FOLDER = ".proof"
"""Where nodes of several users may write in our folder of the storage; models lie beside it."""

StorageKind = Literal["bind", "volume", "local", "nfs", "sync"]


def default_sync_path(cluster: str) -> str:
    """Where each machine keeps its copies, unless told otherwise: on its own disk, not in memory.

    /var/tmp is everybody's: a folder of that name counts only if it is the login user's own.
    """
    return f"/var/tmp/clusterkit-{cluster}"  # noqa: S108


@dataclass(frozen=True, slots=True)
class Storage:
    """Where all nodes see the same files: ``path`` on the nodes.

    ``bind``: the folder ``source`` of the host, which stays when the cluster goes. ``volume``:
    a Docker volume that goes with it. ``local``: the node is this machine. On machines, ``bind``
    is a path that they share already, ``nfs`` is mounted from ``source`` (``server:/export``), and
    with ``sync`` each node has files of its own.
    """

    kind: StorageKind
    path: str
    source: str | None = None

    @property
    def is_shared(self) -> bool:
        """Whether what one node writes is for the others to read."""
        return self.kind not in ("local", "sync")


@dataclass(frozen=True, slots=True)
class Lab:
    """What makes a cluster a lab; the sizes of its disks are as Docker writes them (``64m``)."""

    disk: str
    storage: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """All nodes, the first of which is the head, spares among them, and what they share.

    ``subnet`` is the cluster network in CIDR form; None where there is only this machine.
    ``home`` is the cluster's folder on nodes that have none of their own: all that clusterkit
    writes there is below it. ``lab`` is None for every cluster that nobody may break.
    """

    name: str
    provider: str
    nodes: tuple[Node, ...]
    storage: Storage
    engine: EngineSettings
    subnet: str | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    home: str = "/var/lib/clusterkit"
    lab: Lab | None = None

    @property
    def head(self) -> Node:
        """The node on which mpirun and the supervisor run."""
        return self.nodes[0]

    @property
    def members(self) -> tuple[Node, ...]:
        """The nodes that have ranks."""
        return tuple(node for node in self.nodes if node.standing == "member")

    @property
    def spares(self) -> tuple[Node, ...]:
        """The nodes that wait for a place."""
        return tuple(node for node in self.nodes if node.standing == "spare")

    @property
    def crew(self) -> Cluster:
        """The cluster as a job has it: its members alone."""
        return replace(self, nodes=self.members)

    @property
    def present(self) -> Cluster:
        """The cluster without the nodes that are out."""
        return replace(self, nodes=tuple(node for node in self.nodes if node.standing != "out"))

    @property
    def keepers(self) -> tuple[Node, ...]:
        """The members with a storage of their own; of a shared one, the head."""
        return self.members if self.storage.kind == "sync" else self.nodes[:1]

    @property
    def slots(self) -> int:
        """How many ranks fit."""
        return sum(node.slots for node in self.members)

    def node(self, name: str) -> Node:
        """The node called ``name``; KeyError where there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)

    def home_of(self, name: str) -> str:
        """The cluster's folder on one node."""
        return self.node(name).home or self.home

"""Which cluster a verb means, and how its nodes are reached."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from clusterkit.command import HOST
from clusterkit.errors import TransportError, UsageError
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.contact import met
from clusterkit.model.inventory import Inventory
from clusterkit.model.load import load_inventory
from clusterkit.model.machine import Machine
from clusterkit.model.spares import changed
from clusterkit.state import clusters
from clusterkit.state.contacts import load_contacts, pins_file
from clusterkit.state.folders import cluster_folder
from clusterkit.state.maker import maker
from clusterkit.state.spares import load_changes
from clusterkit.transports.base import Transport
from clusterkit.transports.ssh_address import SshAddress
from clusterkit.transports.world import World
from clusterkit.use_cases.resolve import resolve

if TYPE_CHECKING:
    from clusterkit.transports.docker_engine import DockerEngine
    from clusterkit.transports.ssh import SshTransport


@dataclass(frozen=True, slots=True)
class Which:
    """How the user names a cluster: by name, by its inventory, or not at all (the current one).

    ``lock_wait_s``: how long a verb that needs its lock waits for whoever has it.
    """

    name: str | None = None
    inventory: Path | None = None
    lock_wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Session:
    """A cluster that was brought up, and its folder in this user's state."""

    cluster: Cluster
    folder: Path
    lock_wait_s: float = 0.0

    @property
    def crew(self) -> Session:
        """The cluster as a job has it, without spares and without who is out."""
        return replace(self, cluster=self.cluster.crew)

    @property
    def present(self) -> Session:
        """The cluster without who is out."""
        return replace(self, cluster=self.cluster.present)


def find(which: Which) -> Session:
    """The cluster that the user means.

    Raises:
        UsageError: If there is none, with the ones that there are.
        FileMistakes: If an inventory is given and is wrong.
    """
    if which.inventory is not None:
        cluster = resolve(load_inventory(which.inventory), which.inventory)
        if which.name not in (None, cluster.name):
            raise UsageError(
                f"`-c {which.name}` and `--inventory {which.inventory}` mean different clusters: "
                f"the file describes {cluster.name}. Fix: leave one of them out"
            )
        return remembered(Session(cluster, cluster_folder(cluster.name), which.lock_wait_s))
    if which.name == "":  # `-c "$UNSET"` must not mean another one
        raise UsageError("`-c` names no cluster. Fix: give a name, or leave `-c` out")
    name = which.name or os.environ.get("CLUSTERKIT_CLUSTER") or clusters.current()
    if name is None:
        have = clusters.names()
        hint = f"choose one with `-c` ({', '.join(have)})" if have else _BRING_UP
        raise UsageError(f"no cluster is current. Fix: {hint}")
    applied = clusters.recall(name)
    if applied is None:
        known = ", ".join(clusters.names())
        hint = f"use one of {known}, or bring it up" if known else _BRING_UP
        raise UsageError(f"there is no cluster named `{name}`. Fix: {hint}")
    try:
        inventory = Inventory.model_validate(applied.inventory)
    except ValidationError:
        raise UsageError(
            f"cluster {name} was brought up by a version of clusterkit whose record this one "
            f"cannot read. Fix: run `clusterkit up {applied.file}` again"
        ) from None
    made = Session(resolve(inventory, applied.file), applied.folder, which.lock_wait_s)
    return remembered(made)


def remembered(session: Session) -> Session:
    """The cluster with what its machines told at the last ``up``, and the places it gave them."""
    cluster = met(session.cluster, load_contacts(session.folder))
    return replace(session, cluster=changed(cluster, load_changes(session.folder)))


_BRING_UP = "bring one up with `clusterkit up INVENTORY` (see `clusterkit init`)"


def with_engine(session: Session, settings: Mapping[str, Any]) -> Session:
    """The cluster with other settings of its engine, for one verb only; None: as they are."""
    given = {name: value for name, value in settings.items() if value is not None}
    engine = session.cluster.engine.model_copy(update=given)
    return replace(session, cluster=replace(session.cluster, engine=engine))


def open_world(session: Session) -> World:
    """Everything that the cluster's verbs touch. Nothing is connected before it is used."""
    cluster, folder = session.cluster, session.folder
    machines = {
        node.name: machine_of(node.name, node.machine, folder)
        for node in cluster.nodes
        if node.machine
    }
    carrying = {node.name: machines[node.name] for node in cluster.nodes if node.is_carried}
    return World(access(session, machines), _docker_engine, carrying, maker())


def open_host() -> World:
    """This machine and its Docker engine, whatever clusters there are."""
    return World({HOST: lambda: _here(HOST)}, _docker_engine)


def access(
    session: Session, machines: Mapping[str, Transport]
) -> dict[str, Callable[[], Transport]]:
    """How this machine and each node are reached; ``machines`` are nodes, or carry them."""
    cluster, folder = session.cluster, session.folder
    nodes = {
        node.name: _access(cluster, node, folder, machines.get(node.name))
        for node in cluster.nodes
    }
    return {HOST: lambda: _here(HOST), **nodes}


def _here(name: str) -> Transport:
    from clusterkit.transports.local import LocalTransport

    return LocalTransport(name)


def open_containers(containers: Mapping[str, str]) -> World:
    """The containers of some nodes as their engine reaches them, whatever became of sshd."""

    def opened(name: str) -> Transport:
        from clusterkit.transports.docker import DockerTransport

        return DockerTransport(name, containers[name])

    nodes = {name: partial(opened, name) for name in containers}
    return World({HOST: lambda: _here(HOST), **nodes}, _docker_engine)


def _docker_engine() -> DockerEngine:
    """The engine that DOCKER_HOST names, or this machine's own."""
    from clusterkit.transports.docker_engine import DockerEngine

    return DockerEngine(maker=maker())


def _access(
    cluster: Cluster, node: Node, folder: Path, machine: Transport | None
) -> Callable[[], Transport]:
    """How one node is reached, as a function that opens the connection."""

    def ssh() -> Transport:
        from clusterkit.state.keys import known_hosts_file, operator_key_file

        if not operator_key_file(folder).exists():
            raise TransportError(
                node.name,
                f"there is no key to log in with: {cluster.name} was not brought up from here. "
                "Fix: `clusterkit up INVENTORY`",
            )
        address = SshAddress(
            host=str(node.address),
            port=node.ssh_port,
            user="root",
            key_file=operator_key_file(folder),
            known_hosts=known_hosts_file(folder),
        )
        from clusterkit.transports.ssh import SshTransport

        through = machine if isinstance(machine, SshTransport) else None
        return SshTransport(node.name, address, through)

    if machine is not None and not node.is_carried:
        return lambda: machine
    if cluster.provider == "local":
        return lambda: _here(node.name)
    return ssh


def machine_of(name: str, machine: Machine, folder: Path) -> SshTransport:
    """A new connection to a machine of the user's, not opened yet."""
    from clusterkit.transports.ssh import SshTransport

    return SshTransport(name, machine_address(machine, folder))


def machine_address(machine: Machine, folder: Path) -> SshAddress:
    """Where a machine of the user's answers, and which keys it may have."""
    return SshAddress(
        host=machine.host,
        port=machine.port,
        user=machine.user,
        key_file=Path(machine.key_file) if machine.key_file else None,
        connect_timeout_s=machine.connect_timeout_s,
        jump=machine.jump,
        pins=pins_file(folder),
        accept_new=machine.trust == "accept-new",
    )

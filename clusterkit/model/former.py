"""What an earlier inventory put on machines and this one does not: it is to be taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.contact import Contact
from clusterkit.model.machine import Machine


@dataclass(frozen=True, slots=True)
class Former:
    """What is left of one node: its folder, the head's line, its container, its storage.

    ``node`` is its name in the inventory of then. ``home`` is None where no folder is to be
    removed, ``storage`` where no copies are, and ``mounted`` where nothing is to be unmounted, of
    which the mark lies in ``marked_in``. ``contact`` is what the machine told then.
    """

    node: str
    machine: Machine
    home: str | None = None
    storage: str | None = None
    mounted: str | None = None
    marked_in: str | None = None
    is_carried: bool = False
    contact: Contact | None = None

    @property
    def leaves(self) -> bool:
        """Whether the node goes, and not only its copies."""
        return self.home is not None or self.is_carried

    def __str__(self) -> str:
        return f"{self.node} ({self.machine})"


@dataclass(frozen=True, slots=True)
class Disks:
    """What of a cluster's storage is each machine's own: copies in a folder, or a mount."""

    copies: str | None = None
    mounted: str | None = None


def of_cluster(then: Cluster, known: Mapping[str, Contact], disks: Disks) -> tuple[Former, ...]:
    """All that a cluster has on machines."""
    return tuple(
        Former(
            node.name,
            node.machine,
            home=node.home,
            # Copies in a container go with its volume, or are its machine's.
            storage=None if node.is_carried else disks.copies,
            mounted=disks.mounted,
            marked_in=node.home,
            is_carried=node.is_carried,
            contact=known.get(node.name),
        )
        for node in then.nodes
        if node.machine
    )


def still_there(
    former: Former, now: Cluster, contacts: Mapping[str, Contact], disks: Disks
) -> Former | None:
    """What of ``former`` is no part of ``now``; None: all is.

    ``contacts`` and ``disks`` are those of now.
    """
    twins = [node for node in now.nodes if _is_same(former, node, contacts)]
    if former.is_carried:  # an engine that is in use is asked for all of the cluster, as always
        return None if any(node.is_carried for node in twins) else former
    bare = [node for node in twins if not node.is_carried]
    stays = any(node.name == former.node for node in bare)
    left = replace(
        former,
        home=None if stays else former.home,
        storage=None if bare and disks.copies == former.storage else former.storage,
        mounted=None if stays and disks.mounted == former.mounted else former.mounted,
    )
    return left if left.home or left.storage or left.mounted else None


def is_on(former: Former, now: Cluster, contacts: Mapping[str, Contact]) -> bool:
    """Whether its machine is one of ``now``, under whatever name."""
    return any(_is_same(former, node, contacts) for node in now.nodes)


def _is_same(former: Former, node: Node, contacts: Mapping[str, Contact]) -> bool:
    """Whether both are the same user's place on the same machine, however it is written."""
    if node.machine is None:
        return False
    if _written(former.machine) == _written(node.machine):
        return True
    then, now = former.contact, contacts.get(node.name)
    return then is not None and now is not None and _looks_the_same(then, now)


def _written(machine: Machine) -> tuple[object, ...]:
    """What of an inventory's words says which machine, and whose place on it."""
    return (machine.host, machine.user, machine.port)


def _looks_the_same(then: Contact, now: Contact) -> bool:
    """The host key alone is no proof: machines from one image may share it."""
    return (
        (then.uid, then.home) == (now.uid, now.home)
        and bool(set(then.login.host_keys) & set(now.login.host_keys))
        and bool(set(then.addresses) & set(now.addresses))
    )

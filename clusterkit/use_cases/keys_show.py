"""The keys of a cluster as they are noted here, and as they are on the nodes."""

from __future__ import annotations

import time
from pathlib import Path

from clusterkit.command import Step
from clusterkit.errors import UsageError
from clusterkit.model.cluster import Cluster
from clusterkit.results.keys import KeysResult, PendingRotation, ShownKey
from clusterkit.state.rotation import load_rotation
from clusterkit.transports.world import World
from clusterkit.use_cases.keys_containers import container_steps, look_at_containers
from clusterkit.use_cases.keys_machines import look_at_machines, machine_steps
from clusterkit.use_cases.session import Session, open_world


def show(session: Session) -> KeysResult:
    """Look at every node: who may log in there, and which host key it offers."""
    began = time.monotonic()
    refuse_without_keys(session.cluster)
    with open_world(session) as world:
        keys = look_at_keys(session, world)
    return KeysResult(
        cluster=session.cluster.name,
        keys=keys,
        rotation=pending(session.folder),
        took_s=time.monotonic() - began,
    )


def show_steps(session: Session) -> list[Step]:
    """The looks, not made."""
    refuse_without_keys(session.cluster)
    is_bare = session.cluster.head.container is None
    return (machine_steps if is_bare else container_steps)(session.cluster)


def look_at_keys(session: Session, world: World) -> tuple[ShownKey, ...]:
    """One row for each pair; a node that cannot be asked leaves its rows unknown."""
    is_bare = session.cluster.head.container is None
    return (look_at_machines if is_bare else look_at_containers)(session, world)


def refuse_without_keys(cluster: Cluster) -> None:
    """A cluster on this machine has none.

    Raises:
        UsageError: If nobody logs in to this cluster.
    """
    if cluster.provider == "local":
        raise UsageError(
            f"cluster {cluster.name} is this machine: nobody logs in, so it has no keys. "
            "Fix: choose a cluster of provider docker or ssh with `-c`"
        )


def pending(folder: Path) -> PendingRotation | None:
    """The rotation that was interrupted."""
    found = load_rotation(folder)
    if found is None:
        return None
    return PendingRotation(keys=found.names, phase=found.phase, began_at=found.began_at)

"""All clusters of this user, and whether they are up now."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster
from clusterkit.results.ls import ListedCluster, LsResult
from clusterkit.results.spares import Replaced
from clusterkit.state import clusters
from clusterkit.state.spares import load_changes
from clusterkit.transports.world import World
from clusterkit.use_cases.node_states import states_now
from clusterkit.use_cases.session import Which, find, open_world

State = Literal["up", "partly", "down", "unknown"]


def ls() -> LsResult:
    """Look at every cluster at once; one that cannot be asked is ``unknown``."""
    current = clusters.current()
    rows = on_each(clusters.names(), lambda name: _known_row(name, current=name == current))
    return LsResult(
        clusters=tuple(
            _unknown(name, row, current=name == current)
            if isinstance(row, ClusterkitError)
            else row
            for name, row in rows.items()
        )
    )


def _known_row(name: str, *, current: bool) -> ListedCluster:
    try:
        return _row(name, current=current)
    except ValueError as error:  # JSON or pydantic: not what this version writes
        raise ClusterkitError("its state cannot be read by this version") from error


def _row(name: str, *, current: bool) -> ListedCluster:
    session = find(Which(name))
    applied = clusters.recall(name)
    with open_world(session) as world:
        try:
            state = cluster_state(session.cluster, world)
        except ClusterkitError:
            state = "unknown"
    return ListedCluster(
        name=name,
        provider=session.cluster.provider,
        nodes=len(session.cluster.nodes),
        head=session.cluster.head.name,
        state=state,
        where=str(applied.file) if applied else "",
        replaced=tuple(
            Replaced(node=each.node, by=each.by, why=each.why)
            for each in load_changes(session.folder).stand_ins
        ),
        current=current,
        up_since=applied.applied_at if applied and state == "up" else None,
    )


def cluster_state(cluster: Cluster, world: World) -> State:
    """Whether all members, some or none of them are there now."""
    if cluster.provider == "local":
        return "up" if Path(cluster.home, "hostfile").exists() else "down"
    seen = states_now(cluster, world)
    if not seen:
        return "unknown"
    states = {seen.get(node.name, "unreachable") for node in cluster.members}
    if states == {"up"}:
        return "up"
    return "partly" if "up" in states else "down"


def _unknown(name: str, error: ClusterkitError, *, current: bool) -> ListedCluster:
    """A cluster whose state file an older or newer version wrote is listed all the same."""
    return ListedCluster(
        name=name,
        provider="unknown",
        nodes=0,
        head=str(error).splitlines()[0],
        state="unknown",
        where="",
        current=current,
    )

"""Leave no trace of an ``up`` that came to nothing, and every trace of what was there before."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

from clusterkit.command import HOST, DockerCall, DockerLook
from clusterkit.errors import ClusterkitError
from clusterkit.events import Sink
from clusterkit.executor import Outcome, converge
from clusterkit.plan import down_stages
from clusterkit.providers.docker.states import our_objects
from clusterkit.state import clusters
from clusterkit.state.clusters import Applied
from clusterkit.state.keys import ensure_trust
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session, Which, find

_MAKES = ("create", "network", "volume")
_REMOVES = ("remove", "remove-network", "remove-volume")


@dataclass(frozen=True, slots=True)
class Before:
    """What this user's state said before an ``up``: of the cluster, and which one was current.

    ``is_damaged``: the cluster is there, and its record cannot be read.
    """

    applied: Applied | None
    current: str | None
    is_damaged: bool = False

    @classmethod
    def now(cls, cluster: str) -> Before:
        """What it says now."""
        try:
            return cls(clusters.recall(cluster), clusters.current())
        except ClusterkitError:  # `up` is what writes it anew
            return cls(None, clusters.current(), is_damaged=True)


def take_back(
    session: Session, before: Before, *, world: World, outcome: Outcome, sink: Sink
) -> bool:
    """Whether nothing of the cluster is left, because all of it was made by this ``up``.

    That is so where the machine refused a part of a new cluster. One that existed before, or of
    which all nodes came up, stays, to be looked at and mended by the next ``up``.
    """
    if before.is_damaged:
        return False
    name = session.cluster.name
    if not outcome.steps:
        clusters.put_back(name, before.applied, before.current)
        if before.applied is not None:
            with suppress(ClusterkitError, ValueError):  # an older version may have written it
                ensure_trust(session.folder, find(Which(name)).cluster)
        return before.applied is None
    with suppress(ClusterkitError):  # what went wrong first says more
        if _is_new(session, before, world, outcome):
            converge(down_stages(session.cluster), world, sink)
            clusters.put_back(name, None, before.current)
            return True
    return False


def _is_new(session: Session, before: Before, world: World, outcome: Outcome) -> bool:
    if session.cluster.provider != "docker":
        return before.applied is None
    if any(row.stage == "nodes" for row in outcome.settled):
        return False
    calls = [step.action for step in outcome.steps if isinstance(step.action, DockerCall)]
    if any(call.operation in _REMOVES for call in calls):
        return False
    made = {call.name for call in calls if call.operation in _MAKES}
    seen = json.loads(world.perform(HOST, DockerLook(session.cluster.name)).check().stdout)
    return our_objects(session.cluster, seen) <= made

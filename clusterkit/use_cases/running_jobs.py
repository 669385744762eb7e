"""Stop what runs on a cluster before its nodes go."""

from __future__ import annotations

from clusterkit.events import Sink
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session


def stop_running_jobs(session: Session, world: World, sink: Sink) -> None:
    """Stop every running job; a head that cannot be asked is a note, for it goes anyway."""

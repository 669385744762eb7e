"""What is heard of a server: all that its ranks say, and when it answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from clusterkit.events import Event, Note, RankAnswer
from clusterkit.use_cases.heard import Heard


class ServeHeard:
    """Hears the job as `infer` does, and calls ``on_serving`` the first time that it answers."""

    def __init__(
        self,
        heard: Heard,
        on_serving: Callable[[Mapping[str, Any]], None],
        *,
        is_detached: bool = False,
    ) -> None:
        self._heard, self._on_serving = heard, on_serving
        self.is_detached, self.is_ready = is_detached, False

    def __call__(self, event: Event) -> None:
        """Take one event of the job."""
        self._heard(event)
        if note := _progress(event) or (self.is_ready and _of_replica(event)):
            self._heard(note)
        if not self.is_ready and self.is_serving(event):
            assert isinstance(event, RankAnswer)  # noqa: S101 - is_serving says so
            self.is_ready = True
            self._on_serving(event.data)

    @staticmethod
    def is_serving(event: Event) -> bool:
        """Whether the server gave a completion: then the job can be left alone."""
        return isinstance(event, RankAnswer) and event.data.get("event") == "serving"


def _of_replica(event: Event) -> Note | None:
    """What a router tells of a replica once all of them have answered."""
    match event:
        case RankAnswer(0, {"event": "replica", "name": name, "ready": True}):
            return Note(f"replica {name} is in again")
        case RankAnswer(0, {"event": "replica", "name": name, "why": why}):
            return Note(f"replica {name} is out: {why}")
    return None


def _progress(event: Event) -> Note | None:
    """What is told of the one rank that speaks for all while they make ready."""
    match event:
        case RankAnswer(0, {"event": "warming", "done": done, "of": total, "what": what}):
            return Note(f"making ready: {what} ({done} of {total})")
    return None

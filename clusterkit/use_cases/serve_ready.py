"""When a server is ready: it is heard in the job's events, and told as a result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from clusterkit.engines.serving import Listening
from clusterkit.events import Event, RankAnswer
from clusterkit.jobs import Job
from clusterkit.model.engine import EngineSettings
from clusterkit.model.triton import TritonSettings
from clusterkit.results.serve import ServeRank, ServeResult
from clusterkit.use_cases.heard import Heard
from clusterkit.use_cases.session import Session


class ReadyListener:
    """Hears the job as `infer` does, and when the server answers; ``result`` is from then on.

    ``on_ready`` is told it at once, unless the server is to be left: ``detach``.
    """

    def __init__(
        self,
        heard: Heard,
        session: Session,
        job: Job,
        where: Listening,
        *,
        detach: bool,
        on_ready: Callable[[ServeResult], None],
    ) -> None:
        self._heard, self._on_ready = heard, on_ready
        self._session, self._job, self._where = session, job, where
        self._detach = detach
        self.result: ServeResult | None = None

    def __call__(self, event: Event) -> None:
        """Take one event of the job."""
        self._heard(event)
        if self.result is not None or not isinstance(event, RankAnswer):
            return
        if event.data.get("event") == "serving":
            told, detach = event.data, self._detach
            self.result = _result(self._session, self._job, self._where, told, detached=detach)
            if not detach:
                self._on_ready(self.result)

    def may_leave(self) -> bool:
        """Whether the server shall now run on without us."""
        return self._detach and self.result is not None


def _result(
    session: Session, job: Job, where: Listening, told: Mapping[str, Any], *, detached: bool
) -> ServeResult:
    settings = session.cluster.engine
    return ServeResult(
        cluster=session.cluster.name,
        job=job.id,
        url=where.url,
        grpc=_grpc(settings, where),
        model=told["model"],
        detached=detached,
        tp=settings.tp,
        pp=settings.pp,
        answer=told["answer"],
        ready_s=told["took_s"],
        ranks=tuple(ServeRank(rank=place.rank, node=place.node) for place in job.placement.ranks),
    )


def _grpc(settings: EngineSettings, where: Listening) -> str | None:
    """The address of gRPC, where the engine's server has it."""
    if not isinstance(settings, TritonSettings):
        return None
    return replace(where, port=settings.grpc_port).address

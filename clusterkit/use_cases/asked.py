"""What a verb was asked, kept with its job: from it and the job's story its result is made later.

It lies on the head beside the job's answers, for nobody else to read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pydantic import TypeAdapter

from clusterkit.engines.request import GenerateRequest
from clusterkit.jobs import Job
from clusterkit.model.any_engine import AnyEngine
from clusterkit.model.engine import EngineSettings
from clusterkit.model.run_options import RunOptions
from clusterkit.placement import Placement, Rank
from clusterkit.results.serve import ServeRank, ServeResult
from clusterkit.use_cases.serve_group import Group
from clusterkit.use_cases.served import Reached, Served
from clusterkit.use_cases.session import Session


@dataclass(frozen=True, slots=True)
class InferAsked:
    """``infer``: the request, and the engine as it was for this run."""

    id: str
    placement: Placement
    request: GenerateRequest
    model: str
    engine: EngineSettings
    before_s: float

    @classmethod
    def of(
        cls, session: Session, job: Job, request: GenerateRequest, *, model: str, before_s: float
    ) -> Self:
        """What a job was asked; it begins ``before_s`` after the verb did."""
        engine = session.cluster.engine
        return cls(job.id, job.placement, request, model, engine, before_s)

    def as_json(self) -> dict[str, Any]:
        """The same for a file."""
        return {
            "placement": _rows(self.placement),
            "request": asdict(self.request),
            "model": self.model,
            "engine": self.engine.model_dump(mode="json"),
            "before_s": self.before_s,
        }

    @classmethod
    def read(cls, job: str, asked: Mapping[str, Any]) -> Self:
        """What :meth:`as_json` wrote."""
        request = {**asked["request"], "prompts": tuple(asked["request"]["prompts"])}
        return cls(
            id=job,
            placement=_placement(asked),
            request=GenerateRequest(**request),
            model=asked["model"],
            engine=TypeAdapter[EngineSettings](AnyEngine).validate_python(asked["engine"]),
            before_s=asked["before_s"],
        )


@dataclass(frozen=True, slots=True)
class RunAsked:
    """``run``: the script, and where its ranks are."""

    id: str
    placement: Placement
    script: str
    launcher: str
    before_s: float

    @classmethod
    def of(cls, job: Job, options: RunOptions, *, before_s: float) -> Self:
        """What a job was asked; it begins ``before_s`` after the verb did."""
        return cls(job.id, job.placement, str(options.script), options.launcher, before_s)

    def as_json(self) -> dict[str, Any]:
        """The same for a file."""
        return {
            "placement": _rows(self.placement),
            "script": self.script,
            "launcher": self.launcher,
            "before_s": self.before_s,
        }

    @classmethod
    def read(cls, job: str, asked: Mapping[str, Any]) -> Self:
        """What :meth:`as_json` wrote."""
        words = {key: asked[key] for key in ("script", "launcher", "before_s")}
        return cls(job, _placement(asked), **words)


@dataclass(frozen=True, slots=True)
class ServeAsked:
    """``serve``: where the server listens, and what it serves it with."""

    id: str
    placement: Placement
    served: Served
    engine: EngineSettings
    detached: bool
    replicas: tuple[Placement, ...] = ()

    @classmethod
    def of(cls, session: Session, group: Group, *, served: Served, detached: bool) -> Self:
        """What the jobs of a server were asked."""
        front, replicas = group.front, tuple(job.placement for job in group.replicas)
        engine = session.cluster.engine
        return cls(front.id, front.placement, served, engine, detached, replicas)

    def as_json(self) -> dict[str, Any]:
        """The same for a file."""
        return {
            "placement": _rows(self.placement),
            "replicas": [_rows(each) for each in self.replicas],
            "served": self.served.as_json(),
            "engine": self.engine.model_dump(mode="json"),
            "detached": self.detached,
        }

    @classmethod
    def read(cls, job: str, asked: Mapping[str, Any]) -> Self:
        """What :meth:`as_json` wrote."""
        engine = TypeAdapter[EngineSettings](AnyEngine).validate_python(asked["engine"])
        served = Served.read(asked["served"])
        replicas = tuple(_placed(rows) for rows in asked.get("replicas", ()))
        return cls(job, _placement(asked), served, engine, asked["detached"], replicas)

    def result(self, cluster: str, told: Mapping[str, Any], reached: Reached) -> ServeResult:
        """What the verb answers once the server does; ``told`` is what the server's rank said."""
        return ServeResult(
            cluster=cluster,
            job=self.id,
            url=reached.url,
            grpc=reached.grpc,
            metrics=reached.metrics,
            via=reached.via,
            model=told["model"],
            detached=self.detached,
            replicas=len(self.replicas) or 1,
            tp=self.engine.tp,
            pp=self.engine.pp,
            answer=told["answer"],
            ready_s=told["took_s"],
            ranks=tuple(
                ServeRank(replica=number, rank=rank.rank, node=rank.node)
                for number, each in enumerate(self.replicas or (self.placement,))
                for rank in each.ranks
            ),
        )


def _rows(placement: Placement) -> list[dict[str, Any]]:
    return [asdict(rank) for rank in placement.ranks]


def _placement(asked: Mapping[str, Any]) -> Placement:
    return _placed(asked["placement"])


def _placed(rows: Iterable[Mapping[str, Any]]) -> Placement:
    return Placement(tuple(Rank(**row) for row in rows))

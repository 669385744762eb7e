"""The jobs of one server run together: one alone, or replicas with their router."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from clusterkit.command import Step
from clusterkit.engines.base import engine_of
from clusterkit.errors import JobFailed
from clusterkit.events import Event, JobStarted, NodeLost, Note, RankStarted, Sink
from clusterkit.jobs import Job, JobEnd, interruptible, stop_job
from clusterkit.jobs.groups import Member
from clusterkit.jobs.groups import run_group as run_jobs
from clusterkit.transports.world import World
from clusterkit.use_cases.heard import Heard
from clusterkit.use_cases.jobs import job_nodes
from clusterkit.use_cases.launch import job_steps, run, went_well
from clusterkit.use_cases.lost_container import with_container
from clusterkit.use_cases.serve_heard import ServeHeard
from clusterkit.use_cases.session import Session


@dataclass(frozen=True, slots=True)
class Group:
    """The jobs of one server. ``front`` answers its clients, and has the name of all."""

    front: Job
    replicas: tuple[Job, ...] = ()

    @property
    def name(self) -> str:
        """What the user calls all of it."""
        return self.front.id

    def asked(self, asked: Mapping[str, Any]) -> Group:
        """The same, with what is kept on file of what was asked."""
        return replace(self, front=replace(self.front, asked=asked))

    def steps(self) -> list[Step]:
        """What running it would do; keys are not shown."""
        return [step for job in (*self.replicas, self.front) for step in job_steps(job)]


def run_group(
    session: Session, group: Group, world: World, listener: ServeHeard, sink: Sink
) -> JobEnd:
    """Run it to the end of its front, or until it is left alone.

    Until all replicas answer, the first that fails ends all; later that is the router's matter.

    Raises:
        JobFailed: If it ended otherwise than asked.
    """
    when = listener.is_serving if listener.is_detached else None
    if not group.replicas:
        return run(group.front, world, listener, detach_when=when)
    running = _Running(session, group, world, listener, sink)
    with interruptible() as interrupt:
        ends = run_jobs(running.members(), world.transport, interrupt, running.ended)
    return running.result(ends)


class _Running:
    """What is heard of a group while it runs, and what became of it."""

    def __init__(
        self, session: Session, group: Group, world: World, listener: ServeHeard, sink: Sink
    ) -> None:
        self._session, self._group, self._world = session, group, world
        self._listener, self._sink = listener, sink
        parse = engine_of(session.cluster.engine).parse
        self._heard = {
            job.id: Heard(parse, _led_by(f"replica {number}", sink))
            for number, job in enumerate(group.replicas)
        }
        self._first: tuple[Job, JobEnd | BaseException] | None = None

    def members(self) -> list[Member]:
        """Every job with who hears it; the router last, which waits for the others."""
        when = ServeHeard.is_serving if self._listener.is_detached else None
        replicas = [Member(job, self._heard[job.id], when) for job in self._group.replicas]
        return [*replicas, Member(self._group.front, self._router_said, when)]

    def ended(self, job: Job, end: JobEnd | BaseException) -> bool:
        """Take the end of one job; whether the others must end with it."""
        if isinstance(end, JobEnd) and end.outcome == "detached":
            return False
        if job.id == self._group.front.id or not self._listener.is_ready:
            self._first = self._first or (job, end)
            return True
        return False  # the router tells of it

    def result(self, ends: Mapping[str, JobEnd | BaseException]) -> JobEnd:
        """The end of the router, with what any of them left behind.

        Raises:
            JobFailed: If the first that ended did otherwise than asked.
        """
        detached = [
            job
            for job, end in ends.items()
            if isinstance(end, JobEnd) and end.outcome == "detached"
        ]
        if self._first is None:
            end = ends[self._group.front.id]
            assert isinstance(end, JobEnd)  # noqa: S101 - who raised was the first
            return end
        nodes = job_nodes(self._session)
        left = [each for end in ends.values() if isinstance(end, JobEnd) for each in end.leftovers]
        for name in detached:  # they were left alone before this one failed
            left += stop_job(name, nodes, self._world.transport).left
        job, first = self._first
        if isinstance(first, BaseException):
            raise first
        more = [each for each in left if each not in first.leftovers]
        end = with_container(
            replace(
                first,
                message="\n".join([first.message, *more]),
                leftovers=(*first.leftovers, *more),
                exit_code=1 if more else first.exit_code,
            ),
            job.cluster,
            job.nodes,
            self._world,
        )
        try:
            return went_well(end)
        except JobFailed as error:
            if job.id not in self._heard:
                raise
            engine = engine_of(self._session.cluster.engine)
            raise self._heard[job.id].explained(error, engine.explain) from None

    def _router_said(self, event: Event) -> None:
        if isinstance(event, JobStarted):
            self._world.connect(node.name for node in self._session.cluster.present.nodes[1:])
        self._listener(event)


def _led_by(who: str, sink: Sink) -> Sink:
    """A sink that says of whom a note is; what ranks write is in their logs."""

    def tell(event: Event) -> None:
        if isinstance(event, Note):
            sink(Note(f"{who}: {event.text}", event.node))
        elif isinstance(event, NodeLost | RankStarted):
            sink(event)

    return tell

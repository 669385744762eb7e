"""Show a job from its beginning to its end, and answer what its own verb would have answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clusterkit.command import Step
from clusterkit.engines.base import engine_of
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import Event, JobStarted, Sink
from clusterkit.jobs import JobEnd, JobNode, JobRow, list_jobs, show_job
from clusterkit.jobs.attach import Attached
from clusterkit.jobs.groups import leader_of
from clusterkit.jobs.records import find_job, follow_command
from clusterkit.model.jobs_options import AttachOptions
from clusterkit.results.infer import InferResult
from clusterkit.results.jobs import JobShown
from clusterkit.results.run import RunResult
from clusterkit.results.serve import ServeResult
from clusterkit.transports.world import World
from clusterkit.use_cases.asked import InferAsked, RunAsked, ServeAsked
from clusterkit.use_cases.heard import Heard
from clusterkit.use_cases.job_shown import job_shown
from clusterkit.use_cases.jobs import job_nodes, jobs_steps, planned_nodes
from clusterkit.use_cases.launch import went_well
from clusterkit.use_cases.lost_container import with_container
from clusterkit.use_cases.run_heard import RunHeard
from clusterkit.use_cases.serve_heard import ServeHeard
from clusterkit.use_cases.served import from_here
from clusterkit.use_cases.session import Session, open_world, with_engine

Asked = InferAsked | RunAsked | ServeAsked | None
"""What the verb was asked; None: one that leaves nothing but its output."""

Show = Callable[[Asked, int], AbstractContextManager[Sink]]
"""Opens the view of a job, from what was asked and how many ranks there are."""

_READ: Mapping[str, Callable[[str, Mapping[str, Any]], Asked]] = {
    "infer": InferAsked.read,
    "run": RunAsked.read,
    "serve": ServeAsked.read,
}


def attach(
    session: Session,
    options: AttachOptions,
    show: Show,
    on_ready: Callable[[ServeResult], None],
) -> InferResult | RunResult | JobShown | None:
    """Hear the job to its end; ``on_ready`` when a server answers, whose verb answers no more.

    Raises:
        UsageError: If there is no such job, or none runs and none is named.
        JobFailed: As the verb would have, had it waited.
        Interrupted: After Ctrl-C: the job goes on.
    """
    nodes = job_nodes(session)
    with open_world(session) as world:
        row = _row(options, list_jobs(nodes, world.transport))
        shown = show_job(row.id, nodes[0], world.transport(nodes[0].name))
        read = _READ.get(row.verb)
        asked = read(row.id, shown["asked"]) if read and shown["asked"] else None
        with show(asked, row.ranks) as sink:
            scene = _Scene(session, world, row, nodes, sink)
            match asked:
                case InferAsked():
                    return _infer(scene, asked)
                case RunAsked():
                    return _run(scene, asked)
                case ServeAsked():
                    _serve(scene, asked, on_ready)
                    return None
                case _:
                    return _other(scene)


def attach_steps(session: Session, options: AttachOptions) -> list[Step]:
    """What :func:`attach` asks the head, not asked."""
    head = planned_nodes(session)[0]
    job = options.job or "<the last running job>"
    follow = Step(head.name, f"follow {job}", follow_command(head, job), stage="jobs")
    return [*jobs_steps(session), follow]


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where a job is heard again."""

    session: Session
    world: World
    row: JobRow
    nodes: tuple[JobNode, ...]
    sink: Sink

    def attached(self) -> Attached:
        """The job, not heard yet; only its own nodes are looked at in the end."""
        return Attached(self.row.id, self.own_nodes(), self.world.transport)

    def own_nodes(self) -> tuple[JobNode, ...]:
        """The nodes of the job, its head first."""
        return tuple(node for node in self.nodes if node.name in self.row.nodes)

    def checked(self, end: JobEnd) -> JobEnd:
        """The end, if it was as asked; else its error is raised."""
        cluster = self.session.cluster.name
        return went_well(with_container(end, cluster, self.own_nodes(), self.world))


def _infer(scene: _Scene, asked: InferAsked) -> InferResult:
    session = with_engine(scene.session, {})
    session = replace(session, cluster=replace(session.cluster, engine=asked.engine))
    engine, attached = engine_of(asked.engine), scene.attached()
    heard = Heard(engine.parse, scene.sink, now=lambda: attached.now_s)
    heard.start(before_s=asked.before_s)

    def listen(event: Event) -> None:
        if isinstance(event, JobStarted):
            heard.start(before_s=asked.before_s)
        heard(event)

    try:
        scene.checked(attached.until_end(listen))
    except JobFailed as error:
        raise heard.explained(error, engine.explain) from None
    return heard.result(session.cluster, asked, request=asked.request, model=asked.model)


def _run(scene: _Scene, asked: RunAsked) -> RunResult:
    heard = RunHeard(asked.placement, scene.sink)
    try:
        end = scene.checked(scene.attached().until_end(heard))
    except JobFailed as error:
        raise heard.explained(error, Path(asked.script)) from None
    return RunResult(
        cluster=scene.session.cluster.name,
        job=asked.id,
        script=asked.script,
        launcher=asked.launcher,
        ranks=heard.ranks(),
        took_s=asked.before_s + end.took_s,
    )


def _serve(scene: _Scene, asked: ServeAsked, on_ready: Callable[[ServeResult], None]) -> None:
    engine, attached = engine_of(asked.engine), scene.attached()
    heard = Heard(engine.parse, scene.sink, now=lambda: attached.now_s)
    cluster = scene.session.cluster.name

    def ready(told: Mapping[str, Any]) -> None:
        on_ready(asked.result(cluster, told, from_here(scene.session, asked.served)))

    listener = ServeHeard(heard, ready)
    try:
        scene.checked(attached.until_end(listener))
    except JobFailed as error:
        raise heard.explained(error, engine.explain) from None


def _other(scene: _Scene) -> JobShown:
    scene.checked(scene.attached().until_end(scene.sink))
    head = scene.nodes[0]
    shown = show_job(scene.row.id, head, scene.world.transport(head.name))
    return job_shown(scene.session.cluster.name, shown)


def _row(options: AttachOptions, rows: tuple[JobRow, ...]) -> JobRow:
    if options.job is not None:
        return find_job(options.job, rows)
    for row in rows:
        if row.is_open and leader_of(row.id) == row.id:
            return row
    raise UsageError(
        "no job runs on this cluster. Fix: name one that ended; see `clusterkit jobs`"
    )

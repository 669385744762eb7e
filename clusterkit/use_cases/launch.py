"""From a placement and an engine's program to a job that runs, or to the steps that would."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath

from clusterkit import registry
from clusterkit.command import Command, Put, Step
from clusterkit.errors import JobFailed, UsageError
from clusterkit.events import Event, JobRunning, JobStarted, RankAnswer, RankOutput, Sink
from clusterkit.executor import on_each, raise_failures
from clusterkit.facts import NodeFacts
from clusterkit.jobs import (
    Job,
    JobEnd,
    JobNode,
    Preparation,
    Prepared,
    interruptible,
    new_job_id,
    run_job,
)
from clusterkit.jobs.job import RANK_ARGV, RSH
from clusterkit.jobs.run import DetachWhen
from clusterkit.launchers.base import Launcher
from clusterkit.model.cluster import Cluster
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank
from clusterkit.providers.docker.names import container_name
from clusterkit.results.jobs import DetachedResult
from clusterkit.state.facts import facts_file, load_facts
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.tasks.payload import payload_folder, payload_name
from clusterkit.transports.world import World
from clusterkit.use_cases.look import look_at_node
from clusterkit.use_cases.lost_container import with_container
from clusterkit.use_cases.session import Session

Facts = Mapping[str, NodeFacts]
MakeProgram = Callable[[str, str], RankProgram]
"""An engine's program, from the interpreter's path and the payload folder on the nodes."""


def known_facts(session: Session) -> Facts:
    """What the last ``up`` saw on each node.

    Raises:
        UsageError: If there was none, or it did not come to its end, or it was another version's.
    """
    cluster = session.cluster
    seen = load_facts(session.folder)
    if seen is None and facts_file(session.folder).exists():
        raise UsageError(
            f"{facts_file(session.folder)} cannot be read: this version did not write it. "
            "Fix: run `clusterkit up INVENTORY` again, which writes it anew"
        )
    if seen is None or not {node.name for node in cluster.present.nodes} <= seen.nodes.keys():
        raise UsageError(
            f"cluster {cluster.name} is not up, or not completely. "
            "Fix: run `clusterkit up INVENTORY`"
        )
    if seen.payloads != payload_name():
        raise UsageError(
            f"cluster {cluster.name} was brought up by another version of clusterkit. "
            "Fix: run `clusterkit up INVENTORY` again"
        )
    return seen.nodes


def facts_now(
    session: Session,
    world: World,
    remembered: Facts,
    *,
    model_looks: Iterable[tuple[str, Command]] = (),
) -> Facts:
    """What the nodes are at this moment, memory included; all nodes are asked at once.

    ``model_looks`` will be wanted of nodes soon, and are asked in the same round trip.

    Raises:
        NodesFailed: With every node that cannot be reached.
    """
    cluster = session.cluster
    looks = {
        node.name: LookAtNode(node, remembered.get(node.name)) for node in cluster.present.nodes
    }
    asked = [(name, look.probe()) for name, look in looks.items()]
    world.look_ahead([*asked, *model_looks])
    answers = on_each(list(looks), lambda name: look_at_node(looks[name], world))
    raise_failures(answers)
    return {name: facts for name, facts in answers.items() if isinstance(facts, NodeFacts)}


def known_of_job(
    session: Session, verb: str, *, placement: Placement, facts: Facts, job: str | None = None
) -> Preparation:
    """What its agents need to start; ``job`` is the id that it has already."""
    cluster = session.cluster
    used = [cluster.head.name, *(name for name in placement.nodes if name != cluster.head.name)]
    return Preparation(
        id=job or new_job_id(verb, time.time(), secrets.token_bytes(8)),
        nodes=tuple(job_node(cluster, name, facts[name]) for name in used),
        ssh_config=f"{cluster.home_of(used[0])}/ssh/config" if len(used) > 1 else None,
    )


def make_job(
    session: Session,
    verb: str,
    *,
    placement: Placement,
    program: MakeProgram,
    facts: Facts,
    timeout_s: float | None,
    job: str | None = None,
    launched_by: str = "mpirun",
) -> Job:
    """The job of one verb, ready to be run."""
    cluster = session.cluster
    known = known_of_job(session, verb, placement=placement, facts=facts, job=job)
    nodes = known.nodes
    several = len(nodes) > 1
    return Job(
        id=known.id,
        verb=verb,
        cluster=cluster.name,
        nodes=nodes,
        placement=placement,
        program=program(nodes[0].python, nodes[0].payloads),
        launch=launcher(cluster, facts[cluster.head.name], launched_by).command(
            placement, RANK_ARGV, rsh=RSH if several else None
        ),
        subnet=cluster.subnet if several else None,
        ssh_config=known.ssh_config,
        timeout_s=timeout_s,
    )


def job_node(cluster: Cluster, name: str, facts: NodeFacts) -> JobNode:
    """One node as jobs see it."""
    return JobNode(
        name=name,
        address=cluster.node(name).address,
        python=facts.python,
        payloads=payload_folder(cluster.home_of(name)),
        home=cluster.home_of(name),
        prefix=_prefix(facts) if cluster.subnet else None,
        container=container_name(cluster, name) if cluster.node(name).container else None,
    )


def launcher(cluster: Cluster, head: NodeFacts, name: str = "mpirun") -> Launcher:
    """The mpirun of the head, and how it must be called there; or what it starts on each node."""
    made: Launcher = registry.find("launchers", "mpirun")(
        mpirun=str(head.mpirun),
        version=str(head.mpi_version),
        subnet=cluster.subnet,
        as_root=_is_root(cluster),
        prefix=_prefix(head) if cluster.subnet else None,
    )
    if name != "mpirun":
        addresses = {node.name: node.address for node in cluster.nodes}
        made = registry.find("launchers", name)(mpirun=made, addresses=addresses)
    return made


def _prefix(node: NodeFacts) -> str | None:
    """Where Open MPI is installed on a node; the agents tell its daemons there."""
    mpirun = PurePosixPath(node.mpirun or "")
    return str(mpirun.parent.parent) if mpirun.is_absolute() else None  # of a dry run: on PATH


def _is_root(cluster: Cluster) -> bool:
    """Whether mpirun runs as root, which it refuses unless told."""
    if cluster.provider == "local":
        return os.geteuid() == 0
    login = cluster.head.login
    return login is None or login.user == "root"


def is_running(event: Event) -> bool:
    """Whether every rank was seen to run: then a job can be left alone."""
    return isinstance(event, JobRunning)


def unless_detached(sink: Sink, *, is_detached: bool) -> Sink:
    """A sink for a job; of one that will be left alone only what its user must know now."""

    def notes_only(event: Event) -> None:
        if not isinstance(event, (RankOutput, RankAnswer)):
            sink(event)

    return notes_only if is_detached else sink


def detached(job: Job) -> DetachedResult:
    """What is told of a job that goes on without us."""
    return DetachedResult(
        cluster=job.cluster,
        job=job.id,
        verb=job.verb,
        ranks=job.placement.world_size,
        nodes=job.placement.nodes,
        attach=f"clusterkit attach {job.id}",
        stop=f"clusterkit stop {job.id}",
    )


def run(
    job: Job,
    world: World,
    sink: Sink,
    waiting: Prepared | None = None,
    *,
    detach_when: DetachWhen | None = None,
) -> JobEnd:
    """Run a job to its observed end, by the supervisor that is ``waiting``, if it fits.

    With ``detach_when``: until an event of which it says so; then the job goes on without us.

    Raises:
        JobFailed: If it ended otherwise than asked, with how, and what is left of it.
    """

    def listen(event: Event) -> None:
        if isinstance(event, JobStarted):  # every node is looked at in the end
            world.connect(node.name for node in job.nodes[1:])
        sink(event)

    with interruptible() as interrupt:
        end = run_job(
            job, world.transport, listen, interrupt, waiting=waiting, detach_when=detach_when
        )
    return went_well(with_container(end, job.cluster, job.nodes, world))


def went_well(end: JobEnd) -> JobEnd:
    """The end, if it was as asked.

    Raises:
        JobFailed: With how it ended otherwise, and what to do about it.
    """
    if end.exit_code:
        raise JobFailed(_why(end), exit_code=end.exit_code, cause=end.cause)
    return end


def _why(end: JobEnd) -> str:
    """How a job ended, with what to do about it, unless the user asked for this end."""
    what = f"job {end.job}: {end.message}"
    if end.outcome in ("interrupted", "stopped") or "Fix: " in end.message:
        return what
    longer = "give it longer with `--timeout`, or " if end.outcome == "timed-out" else ""
    return f"{what}\nFix: {longer}see `clusterkit logs {end.job}`"


def job_steps(job: Job) -> list[Step]:
    """What :func:`run` would do: files to where ranks run, and the launch."""
    head = job.head
    files = [
        Step(node.name, f"put {name}", Put(f"{folder}/{name}", content), "+", "job")
        for node in job.nodes
        for folder in [node.run_folder(job.id)]
        for name, content in job.program.files.items()
    ]
    launch = Step(head.name, "start every rank", job.launch, "+", "job")
    ranks = [
        Step(rank.node, f"rank {rank.rank}", _rank_command(job, rank), "+", "job")
        for rank in job.placement.ranks
    ]
    return [*files, launch, *ranks]


def _rank_command(job: Job, rank: Rank) -> Command:
    return Command(job.argv_on(rank.node), env=job.rank_env(rank))

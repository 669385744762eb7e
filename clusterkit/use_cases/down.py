"""Take a cluster away, and look that nothing is left."""

from __future__ import annotations

import time
from pathlib import Path

from clusterkit import registry
from clusterkit.command import HOST, Command, Step
from clusterkit.errors import ClusterkitError, DidNotConverge
from clusterkit.events import Sink
from clusterkit.executor import Outcome, converge, from_scratch, preview
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.machine import Machine
from clusterkit.plan import down_stages
from clusterkit.results.plan import DownResult, Kept, PlanResult
from clusterkit.state import clusters
from clusterkit.state.contacts import load_contacts
from clusterkit.state.journal import journaled
from clusterkit.transports.world import World
from clusterkit.use_cases.contact import known_or_met
from clusterkit.use_cases.former import clean_former, former_nodes, preview_former
from clusterkit.use_cases.jobs import stop_running_jobs
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.looked_after import jobs_on_file, look_after
from clusterkit.use_cases.session import Session, open_world
from clusterkit.use_cases.up import applied_steps, plan_result

_WEIGH = 'test ! -d "$1" || du -sk -- "$1"'


def down(session: Session, *, sink: Sink) -> DownResult:
    """Stop the jobs, remove everything of the cluster, look again, forget its keys.

    Works with ``--inventory`` where there is no state. What cannot be removed is in ``left``,
    and the cluster is not forgotten.
    """
    began = time.monotonic()
    with open_world(session) as world, locked(session, world, "down", {}, sink=sink) as held:
        session = known_or_met(session, world, sink)
        with journaled(session.folder, "down", sink) as sink:
            jobs = jobs_on_file(session, world)
            outcome, left = _remove(session, world, sink)
            left += look_after(session, world, jobs, sink=sink)
            former = former_nodes(session, load_contacts(session.folder))
            left += clean_former(session, former, sink=sink, outcome=outcome, guard=held.check)
            kept = _kept(session.cluster, world)
            if not left:
                clusters.forget(session.cluster.name)
    return DownResult(
        cluster=session.cluster.name,
        changes=len(outcome.steps),
        removed=applied_steps(outcome),
        left=left,
        kept=kept,
        took_s=time.monotonic() - began,
    )


def plan_down(session: Session, *, sink: Sink) -> PlanResult:
    """Look, and say what ``down`` would remove now. Changes nothing."""
    with open_world(session) as world:
        session = known_or_met(session, world, sink)
        planned = preview(down_stages(session.cluster), world, sink)
        former = former_nodes(session, load_contacts(session.folder))
        last = preview_former(session, former, sink=sink)
    return plan_result(session.cluster.name, planned, last)


def down_steps(session: Session) -> list[Step]:
    """What ``down`` would look at and remove, from the inventory alone."""
    return from_scratch(down_stages(session.cluster))


def _remove(session: Session, world: World, sink: Sink) -> tuple[Outcome, tuple[str, ...]]:
    """Remove everything; what is still there afterwards is told, not hidden."""
    outcome = Outcome()
    if session.cluster.provider != "docker":  # a container's end is the end of all that it runs
        stop_running_jobs(session, world)
    try:
        converge(down_stages(session.cluster), world, sink, outcome)
    except DidNotConverge as error:
        return outcome, (str(error),)
    return outcome, ()


def _kept(cluster: Cluster, world: World) -> tuple[Kept, ...]:
    """What stays by design, with its size. Beside our folder in the storage lie the user's own."""
    paths: tuple[str, ...] = registry.find("providers", cluster.provider).kept(cluster)
    folders = [Path(path, "clusterkit") for path in paths]
    if cluster.head.machine:
        return tuple(
            filter(None, (_kept_there(folder, cluster.head, world) for folder in folders))
        )
    return tuple(
        _models(HOST, folder, _size_bytes(folder), ()) for folder in folders if folder.exists()
    )


def _kept_there(folder: Path, head: Node, world: World) -> Kept | None:
    """What stays on the machines; one that cannot be asked now says nothing of it."""
    try:
        seen = world.machine(head.name).run(Command(("sh", "-c", _WEIGH, "sh", str(folder))))
    except ClusterkitError:
        return None
    kilobytes = seen.stdout.partition("\t")[0]
    if not kilobytes.isdigit():
        return None
    login = _login(head.machine) if head.machine else ()
    return _models(head.name, folder, int(kilobytes) * 1024, login)


def _login(machine: Machine) -> tuple[str, ...]:
    """As a person types it."""
    given = (("-l", machine.user), ("-p", machine.port), ("-J", machine.jump))
    options = (word for option, value in given if value for word in (option, str(value)))
    return ("ssh", *options, machine.host)


def _models(node: str, folder: Path, size_bytes: int, login: tuple[str, ...]) -> Kept:
    return Kept(
        node=node,
        what=str(folder),
        why="models of the storage, for the next cluster",
        size_bytes=size_bytes,
        remove_with=str(Command((*login, "rm", "-r", str(folder)))),
    )


def _size_bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

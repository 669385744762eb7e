"""Take away what earlier inventories put on machines that are no part of the cluster any more.

A machine that cannot be reached, or not cleaned, stays remembered: every later ``up`` and ``down``
tries again. It never keeps the cluster itself from coming up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from clusterkit.errors import ClusterkitError, UsageError
from clusterkit.events import Note, Sink
from clusterkit.executor import Outcome, converge, on_each, preview
from clusterkit.model.cluster import Cluster
from clusterkit.model.contact import Contact
from clusterkit.model.former import Disks, Former, is_on, of_cluster, still_there
from clusterkit.plan import former_stages
from clusterkit.state import clusters
from clusterkit.state.contacts import load_contacts
from clusterkit.state.former import load_former, save_former
from clusterkit.tasks.base import Stage
from clusterkit.tasks.nfs import mounted_path
from clusterkit.tasks.own_storage import copies_folder
from clusterkit.transports.world import World
from clusterkit.use_cases.contact import ask_machine
from clusterkit.use_cases.session import Session, Which, find, machine_address, open_world

_Rows = tuple[Former, ...]


def former_nodes(session: Session, contacts: Mapping[str, Contact]) -> _Rows:
    """What is left of earlier inventories: of the last one applied, and what is remembered.

    ``contacts`` are what the machines of the cluster tell now.
    """
    then, now = applied_before(session), session.cluster
    rows = load_former(session.folder)
    if then is not None:
        known = load_contacts(session.folder)
        rows += of_cluster(then.cluster, known, disks_of(then.cluster))
    left = (still_there(row, now, contacts, disks_of(now)) for row in rows)
    unique = {(row.node, row.machine, row.home, row.storage): row for row in left if row}
    return tuple(unique.values())


def disks_of(cluster: Cluster) -> Disks:
    """What of the storage is each machine's own."""
    return Disks(copies_folder(cluster), mounted_path(cluster))


def applied_before(session: Session) -> Session | None:
    """The cluster as the last ``up`` here was told to make it; None where there was none."""
    try:
        known = clusters.recall(session.cluster.name) is not None
        return find(Which(session.cluster.name)) if known else None
    except ClusterkitError:  # damaged, or another version's: `up` writes it anew
        return None


def head_left(session: Session, contacts: Mapping[str, Contact]) -> bool:
    """Whether the machine that had the head's private key is no part of the cluster any more."""
    then = applied_before(session)
    if then is None:
        return False
    had = of_cluster(then.cluster, load_contacts(session.folder), Disks())
    return bool(had) and not is_on(had[0], session.cluster, contacts)


def refuse_while_jobs_run(session: Session, rows: _Rows) -> None:
    """A job on a node that leaves would lose it without a word.

    Raises:
        UsageError: If there is one, with what to do.
    """
    leaving = {row.node for row in rows if row.leaves}
    then = applied_before(session) if leaving else None
    if then is None:
        return
    from clusterkit.jobs import list_jobs  # few clusters have nodes that leave
    from clusterkit.use_cases.jobs import job_nodes

    try:
        with open_world(then) as world:
            running = [row for row in list_jobs(job_nodes(then), world.transport) if row.is_open]
    except (ClusterkitError, ValueError):  # it was never up, or its head is gone
        return
    for job in running:
        if hit := [name for name in job.nodes if name in leaving]:
            raise UsageError(
                f"job {job.id} runs on {', '.join(hit)}, which the inventory does not have any "
                f"more. Fix: wait for its end, or end it with `clusterkit stop {job.id}`"
            )


def clean_former(
    session: Session,
    rows: _Rows,
    *,
    sink: Sink,
    outcome: Outcome,
    guard: Callable[[], None],
) -> tuple[str, ...]:
    """Clean every machine that can be reached; one line for each that could not be.

    What was not cleaned is remembered. ``guard`` is called before each change.
    """
    numbered = dict(enumerate(rows))
    for row in rows:
        sink(Note(f"{row} is no part of the cluster any more: what is there is taken away"))
    answers = on_each(
        [str(number) for number in numbered],
        lambda key: _clean(session, numbered[int(key)], sink, guard),
    )
    left: list[str] = []
    still: list[Former] = []
    for number, row in numbered.items():
        answer = answers[str(number)]
        if isinstance(answer, Outcome):
            outcome.applied += answer.applied
            outcome.settled += answer.settled
        else:
            left.append(_left(row, answer))
            still.append(row)
    save_former(session.folder, still)
    for line in left:
        sink(Note(line))
    return tuple(left)


def preview_former(session: Session, rows: _Rows, *, sink: Sink) -> Outcome:
    """What :func:`clean_former` would do now."""
    outcome = Outcome()
    for row in rows:
        try:
            with _world_of(row, session.folder) as world:
                seen = preview(_stages(session.cluster, row, world), world, sink)
        except ClusterkitError as error:
            outcome.unknown.append(_left(row, error))
        else:
            outcome.applied += seen.applied
            outcome.settled += seen.settled
    return outcome


def _clean(session: Session, row: Former, sink: Sink, guard: Callable[[], None]) -> Outcome:
    outcome = Outcome()
    with _world_of(row, session.folder) as world:
        world.guard(guard)
        converge(_stages(session.cluster, row, world), world, sink, outcome)
    return outcome


def _stages(cluster: Cluster, row: Former, world: World) -> Sequence[Stage]:
    """What is to be done there; its home folder is asked for, as its login may be another now."""
    contact = ask_machine(row.node, world)
    there = replace(
        row, home=absolute(row.home, contact.home), marked_in=absolute(row.marked_in, contact.home)
    )
    return former_stages(cluster.name, there)


def absolute(path: str | None, home: str) -> str | None:
    """A path on a machine, whose user has this home folder."""
    return f"{home.rstrip('/')}/{path[2:]}" if path and path.startswith("~/") else path


def _world_of(row: Former, folder: Path) -> World:
    """The one machine, as it was reached then."""
    from clusterkit.transports.ssh import SshTransport

    transport = SshTransport(row.node, machine_address(row.machine, folder))
    carrying = {row.node: transport} if row.is_carried else {}

    def no_engine_here() -> object:
        raise AssertionError("a machine has an engine of its own")

    return World({row.node: lambda: transport}, no_engine_here, carrying)  # type: ignore[arg-type]


def _left(row: Former, why: ClusterkitError) -> str:
    said = str(why).removeprefix(f"{row.node}: ")
    return f"{row} still has what up put there: {said}"

"""Make the cluster of an inventory, or make it so again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from clusterkit.command import Command, DockerLook, Step
from clusterkit.errors import ClusterkitError, NodesFailed
from clusterkit.events import Sink
from clusterkit.executor import Outcome, converge, from_scratch, preview
from clusterkit.facts import NodeFacts
from clusterkit.model.contact import Contact
from clusterkit.model.load import load_inventory
from clusterkit.model.trust import HEAD, PLANNED, planned_trust
from clusterkit.plan import up_stages
from clusterkit.results.plan import AppliedStep, PlannedStep, PlanResult, Settled, UpResult
from clusterkit.state import clusters
from clusterkit.state.contacts import save_contacts
from clusterkit.state.facts import SeenFacts, load_facts, save_facts
from clusterkit.state.folders import cluster_folder
from clusterkit.state.former import save_former
from clusterkit.state.journal import journaled
from clusterkit.state.keys import ensure_trust, forget_pair, load_trust
from clusterkit.tasks.base import Stage
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.tasks.payload import payload_name
from clusterkit.transports.world import World
from clusterkit.use_cases.contact import meet
from clusterkit.use_cases.former import (
    clean_former,
    former_nodes,
    head_left,
    preview_former,
    refuse_while_jobs_run,
)
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.plan_file import Agreed
from clusterkit.use_cases.resolve import resolve
from clusterkit.use_cases.session import Session, open_world
from clusterkit.use_cases.take_back import Before, take_back
from clusterkit.use_cases.up_checks import check_machines


def up(
    file: Path, *, sink: Sink, lock_wait_s: float = 0.0, agreed: Agreed | None = None
) -> UpResult:
    """Look, apply what differs, and look again, under the cluster's lock.

    Where a plan was ``agreed``, that and nothing else.

    Raises:
        PlanDiffers: If the plan is not what would be done now.
        FileMistakes: If the inventory is wrong; nothing is touched.
        Locked: If another operator changes this cluster.
        ClusterkitError: With every node's error.
    """
    began = time.monotonic()
    if agreed:
        agreed.refuse_other_inventory()
    inventory = load_inventory(file)
    cluster = resolve(inventory, file)
    session = Session(cluster, cluster_folder(cluster.name), lock_wait_s)
    about = {"file": str(file.absolute()), "from_plan": agreed is not None}
    with open_world(session) as world, locked(session, world, "up", about, sink=sink) as held:
        before = Before.now(cluster.name)
        session, contacts = meet(session, world, sink)
        cluster = session.cluster
        former = former_nodes(session, contacts)
        refuse_while_jobs_run(session, former)
        if agreed:
            agreed.refuse_other_cluster(_planned(session, contacts, world, sink))
        if head_left(session, contacts):  # so that nobody there can log in to a node any more
            forget_pair(session.folder, HEAD)
        with journaled(session.folder, "up", sink, file) as sink:
            save_former(session.folder, former)
            clusters.remember(cluster.name, file, inventory.model_dump(mode="json"))
            save_contacts(session.folder, contacts)
            outcome = Outcome()
            try:
                left = clean_former(session, former, sink=sink, outcome=outcome, guard=held.check)
                stages = up_stages(cluster, ensure_trust(session.folder, cluster), _known(session))
                world.look_ahead(_questions(stages))
                converge(stages, world, sink, outcome, agreed.permit if agreed else _permit)
                check_machines(cluster, world, outcome.facts)
            except ClusterkitError as error:
                held.check()  # what another makes now is not ours to take back
                gone = take_back(session, before, world=world, outcome=outcome, sink=sink)
                if gone and isinstance(error, NodesFailed):  # what had succeeded is gone as well
                    raise NodesFailed(error.failures, succeeded=0) from error
                raise
            save_facts(session.folder, SeenFacts(payload_name(), outcome.facts))
    return UpResult(
        cluster=cluster.name,
        changes=len(outcome.steps),
        steps=applied_steps(outcome),
        nodes=tuple(node.name for node in cluster.nodes),
        slots=cluster.slots,
        left=left,
        took_s=time.monotonic() - began,
    )


def plan(file: Path, *, sink: Sink) -> PlanResult:
    """Look, and say what ``up`` would do now. Changes nothing."""
    cluster = resolve(load_inventory(file), file)
    session = Session(cluster, cluster_folder(cluster.name))
    with open_world(session) as world:
        session, contacts = meet(session, world, sink)
        return _planned(session, contacts, world, sink)


def _planned(
    session: Session, contacts: Mapping[str, Contact], world: World, sink: Sink
) -> PlanResult:
    """What ``up`` would do to the machines that were met."""
    cluster, trust = session.cluster, load_trust(session.folder, session.cluster)
    if head_left(session, contacts):
        trust = replace(trust, head=PLANNED)
    first = preview_former(session, former_nodes(session, contacts), sink=sink)
    stages = up_stages(cluster, trust, _known(session))
    world.look_ahead(_questions(stages))
    return plan_result(cluster.name, first, preview(stages, world, sink))


def _permit(step: Step) -> None:
    """Every step, where nobody agreed to a certain plan."""


def _known(session: Session) -> Mapping[str, NodeFacts]:
    """What the last ``up`` saw; nothing before the first."""
    seen = load_facts(session.folder)
    return seen.nodes if seen else {}


def _questions(stages: Iterable[Stage]) -> list[tuple[str, Command | DockerLook]]:
    """What can be asked ahead; facts that nobody remembers start a Python, and are asked once."""
    tasks = (task for stage in stages for task in stage.tasks)
    return [
        (task.node, task.probe())
        for task in tasks
        if not (isinstance(task, LookAtNode) and task.remembered is None)
    ]


def up_steps(file: Path) -> list[Step]:
    """The steps of ``up`` from nothing; looks at nothing."""
    cluster = resolve(load_inventory(file), file)
    return from_scratch(up_stages(cluster, planned_trust(cluster)))


def plan_result(cluster: str, *outcomes: Outcome) -> PlanResult:
    """Previews one after the other, typed for people and programs."""
    steps = [step for outcome in outcomes for step in outcome.steps]
    return PlanResult(
        cluster=cluster,
        changes=len(steps),
        steps=tuple(PlannedStep.of(step) for step in steps),
        settled=tuple(
            Settled(node=row.node, stage=row.stage, summary=row.summary)
            for outcome in outcomes
            for row in outcome.settled
        ),
        unknown=tuple(line for outcome in outcomes for line in outcome.unknown),
    )


def applied_steps(outcome: Outcome) -> tuple[AppliedStep, ...]:
    """What was applied, with its time."""
    return tuple(
        AppliedStep(**dict(PlannedStep.of(step)), took_s=took_s)
        for step, took_s in outcome.applied
    )

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
from clusterkit.model.cluster import Cluster
from clusterkit.model.contact import Contact, met
from clusterkit.model.load import load_inventory
from clusterkit.model.spares import Changes
from clusterkit.model.trust import HEAD, PLANNED, planned_trust
from clusterkit.plan import up_stages
from clusterkit.results.plan import AppliedStep, PlannedStep, PlanResult, Settled, UpResult
from clusterkit.results.spares import Replaced
from clusterkit.state import clusters
from clusterkit.state.contacts import load_contacts, save_contacts
from clusterkit.state.facts import SeenFacts, load_facts, save_facts
from clusterkit.state.folders import cluster_folder
from clusterkit.state.former import save_former
from clusterkit.state.journal import journaled
from clusterkit.state.keys import ensure_trust, forget_pair, load_trust
from clusterkit.state.spares import save_changes
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
from clusterkit.use_cases.up_spares import Standing


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
        standing = Standing(sink, _known(session))
        session, contacts = _meet(session, standing, world, sink)
        former = former_nodes(session, contacts)
        refuse_while_jobs_run(session, former)
        if agreed:
            agreed.refuse_other_cluster(_planned(session, contacts, world, sink))
        if head_left(session, contacts):  # so that nobody there can log in to a node any more
            forget_pair(session.folder, HEAD)
        with journaled(session.folder, "up", sink, file) as sink:
            save_former(session.folder, former)
            clusters.remember(cluster.name, file, inventory.model_dump(mode="json"))
            save_changes(session.folder, Changes())
            save_contacts(session.folder, contacts)
            outcome = Outcome()
            try:
                left = clean_former(session, former, sink=sink, outcome=outcome, guard=held.check)
                trust = ensure_trust(session.folder, session.cluster)

                def bring_up(cluster: Cluster) -> None:
                    stages = up_stages(cluster, trust, _comparable(session))
                    world.look_ahead(_questions(stages))
                    converge(stages, world, sink, outcome, agreed.permit if agreed else _permit)
                    check_machines(cluster, world, outcome.facts)

                if agreed:  # to this, and to nothing else
                    bring_up(session.cluster.present)
                else:
                    _, cluster = standing.go_on(session.cluster, bring_up)
                    session = replace(session, cluster=cluster)
            except ClusterkitError as error:
                held.check()  # what another makes now is not ours to take back
                gone = take_back(session, before, world=world, outcome=outcome, sink=sink)
                if gone and isinstance(error, NodesFailed):  # what had succeeded is gone as well
                    raise NodesFailed(error.failures, succeeded=0) from error
                raise
            held.check()  # who slept saw what another may have taken down meanwhile
            save_changes(session.folder, standing.changes)
            there = {node.name for node in session.cluster.present.nodes}
            facts = {name: each for name, each in outcome.facts.items() if name in there}
            save_facts(session.folder, SeenFacts(payload_name(), facts))
    cluster = session.cluster
    return UpResult(
        cluster=cluster.name,
        changes=len(outcome.steps),
        steps=applied_steps(outcome),
        nodes=tuple(node.name for node in cluster.members),
        spares=tuple(node.name for node in cluster.spares),
        slots=cluster.slots,
        replaced=tuple(
            Replaced(node=each.node, by=each.by, why=each.why)
            for each in standing.changes.stand_ins
        ),
        left_out=dict(standing.changes.left_out),
        left=left,
        took_s=time.monotonic() - began,
    )


def plan(file: Path, *, sink: Sink) -> PlanResult:
    """Look, and say what ``up`` would do now. Changes nothing."""
    cluster = resolve(load_inventory(file), file)
    session = Session(cluster, cluster_folder(cluster.name))
    with open_world(session) as world:
        session, contacts = _meet(session, Standing(sink, _known(session)), world, sink)
        return _planned(session, contacts, world, sink)


def _meet(
    session: Session, standing: Standing, world: World, sink: Sink
) -> tuple[Session, Mapping[str, Contact]]:
    """The cluster as those of its machines are that answer; of the others, as they were."""
    (seen, contacts), cluster = standing.go_on(
        session.cluster, lambda present: meet(replace(session, cluster=present), world, sink)
    )
    if not contacts:
        return session, contacts
    known = {
        name: each
        for name, each in load_contacts(session.folder).items()
        if name in _names(cluster)
    }
    contacts = {**known, **contacts}
    return replace(seen, cluster=met(cluster, contacts)), contacts


def _names(cluster: Cluster) -> set[str]:
    return {node.name for node in cluster.nodes}


def _planned(
    session: Session, contacts: Mapping[str, Contact], world: World, sink: Sink
) -> PlanResult:
    """What ``up`` would do to the machines that were met."""
    cluster, trust = session.cluster, load_trust(session.folder, session.cluster)
    if head_left(session, contacts):
        trust = replace(trust, head=PLANNED)
    first = preview_former(session, former_nodes(session, contacts), sink=sink)

    def look(cluster: Cluster) -> Outcome:
        stages = up_stages(cluster, trust, _comparable(session))
        world.look_ahead(_questions(stages))
        return preview(stages, world, sink)

    seen, _ = Standing(sink, _known(session)).go_on(cluster, look)
    return plan_result(cluster.name, first, seen)


def _permit(step: Step) -> None:
    """Every step, where nobody agreed to a certain plan."""


def _known(session: Session) -> Mapping[str, NodeFacts]:
    """What the last ``up`` saw; nothing before the first."""
    seen = load_facts(session.folder)
    return seen.nodes if seen else {}


def _comparable(session: Session) -> Mapping[str, NodeFacts]:
    """The same as far as this version saw it: another may not have looked for all that it does."""
    seen = load_facts(session.folder)
    return seen.nodes if seen and seen.payloads == payload_name() else {}


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

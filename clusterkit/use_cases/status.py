"""What is true of a cluster now: looked up, never remembered."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from clusterkit.command import Step
from clusterkit.errors import ClusterkitError, UsageError, reason
from clusterkit.executor import on_each
from clusterkit.facts import MachineFacts, NodeFacts
from clusterkit.jobs import JobRow, list_jobs
from clusterkit.model.cluster import Cluster, Node
from clusterkit.model.spares import Changes
from clusterkit.results.status import ModelStatus, NodeStatus, SeenGpu, StatusResult, StorageStatus
from clusterkit.state.spares import load_changes
from clusterkit.tasks.free_space import free_bytes, look_at_free_space
from clusterkit.tasks.machine_facts import look_at_machine, read_answer
from clusterkit.tasks.node_facts import LookAtNode, problems
from clusterkit.transports.world import World
from clusterkit.use_cases.builder import model_states
from clusterkit.use_cases.contact import known_or_asked
from clusterkit.use_cases.jobs import job_nodes
from clusterkit.use_cases.look import look_at_node
from clusterkit.use_cases.node_states import states_now
from clusterkit.use_cases.servers import servers_now
from clusterkit.use_cases.session import Session, open_world


def status(session: Session, *, machines: bool = False) -> StatusResult:
    """Ask every node, the storage, the model and the jobs; what cannot be seen is said so.

    ``machines``: look at all of each node's machine as well, which takes longer.
    """
    began = time.monotonic()
    with open_world(session) as world:
        session = known_or_asked(session, world)
        cluster = session.cluster
        states = states_now(cluster, world)
        seen = on_each(
            [node.name for node in cluster.nodes if states.get(node.name, "up") == "up"],
            lambda name: look_at_node(LookAtNode(cluster.node(name)), world),
        )
        rows = tuple(_row(node, states.get(node.name, "up"), seen) for node in cluster.nodes)
        rows = _with_reasons(rows, load_changes(session.folder))
        if machines:
            rows = _with_machines(rows, world)
        facts = {name: each for name, each in seen.items() if isinstance(each, NodeFacts)}
        head = facts.get(cluster.head.name)
        jobs = _jobs(session, world) if head else ()
        running = {row.id: row.state for row in jobs if row.is_open}
        return StatusResult(
            cluster=cluster.name,
            provider=cluster.provider,
            nodes=rows,
            storage=_storage(cluster, world) if head else None,
            model=_model(session, world, facts),
            jobs_running=tuple(running),
            job_states=running,
            servers=servers_now(session, world, jobs),
            took_s=time.monotonic() - began,
        )


def _with_reasons(rows: tuple[NodeStatus, ...], changes: Changes) -> tuple[NodeStatus, ...]:
    """Each node that is out with the reason that `up` had for it."""
    why = {each.node: f"{each.why}; {each.by} has its place" for each in changes.stand_ins}
    why |= changes.left_out
    return tuple(
        row.model_copy(update={"problems": (*row.problems, f"`up` left it out: {why[row.name]}")})
        if row.standing == "out" and row.name in why
        else row
        for row in rows
    )


def _with_machines(rows: tuple[NodeStatus, ...], world: World) -> tuple[NodeStatus, ...]:
    """Each node that is up with what its machine is, or why that cannot be told."""
    look = look_at_machine()
    up = [row.name for row in rows if row.state == "up"]
    seen = on_each(up, lambda name: read_answer(world.perform(name, look)))
    return tuple(_with_machine(row, seen.get(row.name)) for row in rows)


def _with_machine(row: NodeStatus, seen: MachineFacts | ClusterkitError | None) -> NodeStatus:
    if isinstance(seen, MachineFacts):
        return row.model_copy(update={"machine": seen})
    why = (reason(row.name, seen),) if seen else ()
    return row.model_copy(update={"problems": (*row.problems, *why)})


def _jobs(session: Session, world: World) -> tuple[JobRow, ...]:
    """What ran and runs; a cluster that did not come up to its end has run nothing."""
    try:
        return list_jobs(job_nodes(session), world.transport)
    except UsageError:
        return ()


def status_steps(session: Session) -> list[Step]:
    """The look at each node, not run."""
    return [
        Step(node.name, "look at the node", LookAtNode(node).probe(), stage="reach")
        for node in session.cluster.nodes
    ]


def _row(node: Node, state: str, seen: Mapping[str, NodeFacts | ClusterkitError]) -> NodeStatus:
    facts = seen.get(node.name)
    if not isinstance(facts, NodeFacts):
        absent = f"its container is {state}" if node.container else "its folder is not there"
        why = reason(node.name, facts) if facts else absent
        return NodeStatus(
            name=node.name,
            address=node.address,
            state="unreachable" if facts else state,
            why=why,
            slots=node.slots,
            standing=node.standing,
            stands_for=node.stands_for,
        )
    return NodeStatus(
        name=node.name,
        address=node.address,
        state="up",
        slots=node.slots,
        standing=node.standing,
        stands_for=node.stands_for,
        gpus=tuple(SeenGpu(**asdict(gpu)) for gpu in facts.gpus),
        cores=facts.cores,
        memory_bytes=facts.memory_bytes,
        memory_available_bytes=facts.memory_available_bytes,
        python_version=facts.python_version,
        mpi_version=facts.mpi_version,
        packages=dict(facts.packages),
        problems=tuple(problems(node, facts)),
    )


def _model(session: Session, world: World, facts: Mapping[str, NodeFacts]) -> ModelStatus:
    """Ready where all who were asked have it whole; else what the first that has not says."""
    states = model_states(session, world, facts)
    lacking = [state for state in states.values() if state != "ready"]
    has_copies = session.cluster.storage.kind == "sync"
    return ModelStatus(
        name=Path(session.cluster.engine.model).name,
        state=lacking[0] if lacking else "ready" if states else "unknown",
        nodes=states if has_copies else None,
    )


def _storage(cluster: Cluster, world: World) -> StorageStatus:
    storage = cluster.storage
    seen = world.perform(cluster.head.name, look_at_free_space(storage.path))
    free = free_bytes(seen)
    return StorageStatus(
        kind=storage.kind,
        path=storage.path,
        source=storage.source,
        free_bytes=free,
        problem=None if free is not None else seen.stderr.strip() or "cannot be read",
    )

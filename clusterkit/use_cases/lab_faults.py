"""Faults in a lab: made on demand, seen by a look, and undone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from typing import Literal

from clusterkit.command import HOST, Step
from clusterkit.errors import ClusterkitError, UsageError, reason
from clusterkit.events import Sink
from clusterkit.executor import Outcome, converge, from_scratch, on_each
from clusterkit.model.cluster import Cluster
from clusterkit.model.fault import Fault
from clusterkit.model.lab_options import LabOptions, read_faults
from clusterkit.model.node_sets import select
from clusterkit.providers.docker.lab import KINDS, NOT_HERE, fault_stage, heal_stage, power_faults
from clusterkit.providers.docker.lab.marks import faults as faults_of
from clusterkit.providers.docker.lab.marks import look, read
from clusterkit.providers.docker.names import container_name, look_at
from clusterkit.results.lab import LabFault, LabResult
from clusterkit.tasks.base import Stage
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session, open_containers
from clusterkit.use_cases.up import applied_steps

Unseen = Mapping[str, str]


def fault(session: Session, options: LabOptions, *, sink: Sink) -> LabResult:
    """Make a fault, look that it is there, and say which ones are there now.

    It takes no lock: it is made while other verbs run.

    Raises:
        UsageError: If the cluster is no lab, or the words mean none of its nodes or ranks.
    """
    began = time.monotonic()
    refuse_others(session.cluster)
    faults = read_faults(options, session.cluster)
    outcome = Outcome()
    with _world(session.cluster) as world:
        if faults[0].kind in ("kill-rank", "hang-rank"):  # on nodes that can be looked into
            running = _running(session.cluster, _power_faults(session.cluster, world))
            faults = tuple(each for each in faults if each.node in running)
        converge((fault_stage(session.cluster, faults),), world, sink, outcome)
        if all(row.summary == NOT_HERE for row in outcome.settled) and not outcome.steps:
            raise UsageError(
                f"no rank {faults[0].value if faults else ''} runs on cluster "
                f"{session.cluster.name}. Fix: see `clusterkit jobs`; start one with "
                "`clusterkit infer`"
            )
        now, unseen = faults_now(session.cluster, world)
    return _result("fault", session.cluster, outcome, now, unseen, began)


def heal(session: Session, options: LabOptions, *, sink: Sink) -> LabResult:
    """Undo what can be undone: all faults, or those that name certain nodes.

    Containers first: nobody can look into one that is paused.

    Raises:
        UsageError: If the cluster is no lab.
    """
    began = time.monotonic()
    cluster = session.cluster
    refuse_others(cluster)
    names = select(cluster, ",".join(options.words)) if options.words else None
    outcome = Outcome()
    with _world(cluster) as world:
        for whole in (True, False):
            now, _ = faults_now(cluster, world)
            meant = [each for each in now if _names(each, names) and (each.kind in KINDS) == whole]
            converge((heal_stage(cluster, meant),), world, sink, outcome)
        now, unseen = faults_now(cluster, world)
    return _result("heal", cluster, outcome, now, unseen, began)


def list_faults(session: Session) -> LabResult:
    """Look at every node.

    Raises:
        UsageError: If the cluster is no lab.
    """
    began = time.monotonic()
    refuse_others(session.cluster)
    with _world(session.cluster) as world:
        now, unseen = faults_now(session.cluster, world)
    return _result("faults", session.cluster, Outcome(), now, unseen, began)


def lab_steps(session: Session, options: LabOptions) -> list[Step]:
    """What a fault would run, looked at by nobody; what heals depends on a look."""
    refuse_others(session.cluster)
    cluster = session.cluster
    if options.action == "fault":
        stages: tuple[Stage, ...] = (fault_stage(cluster, read_faults(options, cluster)),)
        return from_scratch(stages)
    names = select(cluster, ",".join(options.words)) if options.words else _all(cluster)
    return [
        Step(name, "look for faults, and undo them", look(cluster, name), stage="heal")
        for name in names
    ]


def refuse_others(cluster: Cluster) -> None:
    """Break nothing but what was made to be broken.

    Raises:
        UsageError: If the cluster is no lab.
    """
    if cluster.lab is None:
        raise UsageError(
            f"cluster {cluster.name} is no lab: faults are made only in clusters that `lab up` "
            "made. Fix: make one with `clusterkit lab up`, or choose one with `-c`"
        )


def faults_now(cluster: Cluster, world: World) -> tuple[tuple[Fault, ...], Unseen]:
    """The faults that a look sees, and the nodes into which nobody can look."""
    whole = _power_faults(cluster, world)
    names = _running(cluster, whole)
    answers = on_each(names, lambda name: _marks(cluster, name, world))
    found = [*whole]
    unseen: dict[str, str] = {}
    for name, answer in answers.items():
        if isinstance(answer, ClusterkitError):
            unseen[name] = reason(name, answer)
        else:
            found += answer
    order = _all(cluster)
    return tuple(sorted(found, key=lambda each: (order.index(each.node), str(each)))), unseen


def _marks(cluster: Cluster, name: str, world: World) -> tuple[Fault, ...]:
    said = world.perform(name, look(cluster, name)).check().stdout
    return faults_of(cluster, name, read(said))


def _power_faults(cluster: Cluster, world: World) -> tuple[Fault, ...]:
    answer = world.perform(HOST, look_at(cluster)).check()
    return power_faults(cluster, json.loads(answer.stdout)["containers"])


def _running(cluster: Cluster, faults: Iterable[Fault]) -> list[str]:
    """The nodes into which the engine can look."""
    dark = {each.node for each in faults if each.kind != "cut"}
    return [name for name in _all(cluster) if name not in dark]


def _world(cluster: Cluster) -> World:
    return open_containers({name: container_name(cluster, name) for name in _all(cluster)})


def _all(cluster: Cluster) -> list[str]:
    return [node.name for node in cluster.nodes]


def _names(fault: Fault, nodes: Iterable[str] | None) -> bool:
    return nodes is None or not {fault.node, fault.peer}.isdisjoint(nodes)


def _result(
    action: Literal["fault", "faults", "heal"],
    cluster: Cluster,
    outcome: Outcome,
    now: Iterable[Fault],
    unseen: Unseen,
    began: float,
) -> LabResult:
    return LabResult(
        action=action,
        cluster=cluster.name,
        steps=applied_steps(outcome),
        faults=tuple(LabFault.of(each) for each in now),
        unseen=dict(unseen),
        took_s=time.monotonic() - began,
    )

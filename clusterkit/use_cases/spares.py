"""Try a run again, with spares in the places of the nodes that it lost."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from clusterkit.checks.spares import Choice, choose_spares, may_hide_a_lost_node, node_at_fault
from clusterkit.errors import ClusterkitError, JobFailed, NodesFailed, NotFit, TransportError
from clusterkit.events import Event, Note, RankAnswer, Sink
from clusterkit.executor import on_each
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Node
from clusterkit.model.spares import Changes, StandIn, changed
from clusterkit.results.infer import InferResult
from clusterkit.results.jobs import DetachedResult
from clusterkit.results.run import RunResult
from clusterkit.results.serve import ServeResult
from clusterkit.results.spares import Replaced
from clusterkit.state.facts import load_facts
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session, open_world
from clusterkit.use_cases.spare_errors import (
    Failures,
    brief,
    could_have,
    failures_of,
    head_is_lost,
    none_is_left,
)

R = TypeVar("R", InferResult | DetachedResult, RunResult | DetachedResult, ServeResult | None)


def with_spares(
    session: Session, retries: int, attempt: Callable[[Session, Sink], R], *, sink: Sink
) -> R:
    """What ``attempt`` gives, at first on the members, then with spares for those that are lost.

    Only this run is told of the new places: the next one asks every member again, and ``up``
    alone changes places for good. With retries, answers are held back until an attempt has come
    to its end, so that none is told twice.

    Raises:
        ClusterkitError: What ended the last attempt, or the first that no spare can heal; and why
            no spare can.
    """
    began = time.monotonic()
    replaced: list[Replaced] = []
    for number in itertools.count(1):
        held: list[Event] = []
        try:
            found = attempt(session.crew, _without_answers(sink, held) if retries else sink)
        except ClusterkitError as error:
            if not (retries or session.cluster.spares):
                raise
            lost = lost_nodes(session, error)
            if not lost:
                raise
            if session.cluster.head.name in lost:
                raise head_is_lost(error, session.cluster.head.name) from error
            choice = _chosen(session, lost)
            is_healed = choice.by.keys() == lost.keys()
            if number > retries and is_healed:
                raise could_have(error, choice.by, retries) from error
            if number > retries:
                raise
            if not is_healed:
                members = len(session.cluster.members)
                raise none_is_left(error, lost, choice, members=members) from error
            stand_ins = tuple(
                StandIn(name, choice.by[name], brief(name, each)) for name, each in lost.items()
            )
            for each in stand_ins:
                words = f"{each.node} was lost ({each.why}); {each.by} takes its place"
                sink(Note(f"{words}; attempt {number + 1} of {retries + 1}"))
                replaced.append(Replaced(node=each.node, by=each.by, why=each.why))
            session = replace(session, cluster=changed(session.cluster, Changes(stand_ins)))
        else:
            for event in held:
                sink(event)
            if number == 1 or found is None:
                return found
            took_s = time.monotonic() - began
            told = {"attempts": number, "replaced": tuple(replaced), "took_s": took_s}
            return found.model_copy(update=told)
    raise AssertionError("it counts without an end")


def _without_answers(sink: Sink, held: list[Event]) -> Sink:
    """A sink that keeps the answers back, in ``held``."""

    def tell(event: Event) -> None:
        if isinstance(event, RankAnswer):
            held.append(event)
        else:
            sink(event)

    return tell


def lost_nodes(session: Session, error: ClusterkitError) -> Failures:
    """The members that failed where another may do well; none where the request itself failed."""
    names = [node.name for node in session.cluster.members]
    if isinstance(error, NotFit):  # where the head is among them, they all may be right but it
        is_mixed = session.cluster.head.name in error.nodes
        why = {name: ClusterkitError(seen) for name, seen in error.nodes.items()}
        return {} if is_mixed else why
    if isinstance(error, NodesFailed | TransportError):
        failures = failures_of(error, session.cluster)
        return failures if failures.keys() <= {*names} else {}
    if not isinstance(error, JobFailed):
        return {}
    node = node_at_fault(error.cause)
    if node in names:
        return {str(node): error}
    if not may_hide_a_lost_node(error.cause):
        return {}
    with open_world(session) as world:
        _, silent = looked_at(session, session.cluster.members, world)
    return silent


def looked_at(
    session: Session, nodes: Sequence[Node], world: World
) -> tuple[dict[str, NodeFacts], Failures]:
    """What nodes are now, and those that fail their checks."""
    seen = load_facts(session.folder)
    remembered = seen.nodes if seen else {}
    looks = {node.name: LookAtNode(node, remembered.get(node.name)) for node in nodes}

    def look(name: str) -> NodeFacts | None:
        return looks[name].plan(world.perform(name, looks[name].probe())).facts

    answers = on_each(list(looks), look)
    facts = {name: each for name, each in answers.items() if isinstance(each, NodeFacts)}
    return facts, {
        name: each for name, each in answers.items() if isinstance(each, ClusterkitError)
    }


def _chosen(session: Session, lost: Failures) -> Choice:
    """A spare for each node that was lost, of those that are fit now."""
    with open_world(session) as world:
        facts, unfit = looked_at(session, session.cluster.spares, world)
    seen = load_facts(session.folder)
    return choose_spares(
        session.cluster,
        list(lost),
        unfit={name: brief(name, each) for name, each in unfit.items()},
        facts={**(seen.nodes if seen else {}), **facts},
    )

"""``sweep``: find what crashed runs of ours left, show it, remove it, and look again."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from clusterkit.command import HOST, Step
from clusterkit.errors import ClusterkitError, Locked, NodesFailed, TransportError
from clusterkit.events import Note, Sink
from clusterkit.model.node_sets import select
from clusterkit.model.sweep_options import SweepOptions
from clusterkit.results.sweep import Leftover, Spared, SweepResult, Unseen
from clusterkit.state import clusters
from clusterkit.state.facts import facts_file
from clusterkit.state.lock import new_holder
from clusterkit.state.lock_chain import Lock
from clusterkit.use_cases.contact import known_or_met
from clusterkit.use_cases.lock import locked, told
from clusterkit.use_cases.lock_stores import store_of
from clusterkit.use_cases.session import Session, Which, find, open_host, open_world
from clusterkit.use_cases.sweep_engine import EngineSeen, look_at_engine, sweep_engine
from clusterkit.use_cases.sweep_nodes import (
    NodesSeen,
    look_at_nodes,
    places_of,
    sweep_nodes,
    sweep_step,
    this_machine,
)
from clusterkit.use_cases.sweep_states import look_at_states, sweep_states


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to look: everywhere, and the current cluster's nodes; or one cluster that is named."""

    session: Session | None
    is_named: bool = False

    @classmethod
    def of(cls, which: Which) -> Scope:
        """What the user means; nothing need be current."""
        named = which.inventory or which.name is not None or os.environ.get("CLUSTERKIT_CLUSTER")
        is_any = bool(named) or clusters.current() is not None
        return cls(find(which) if is_any else None, is_named=bool(named))

    @property
    def only(self) -> str | None:
        """The one cluster that is meant; None: all of them."""
        return self.session.cluster.name if self.session and self.is_named else None

    @property
    def has_nodes(self) -> bool:
        """Whether there are nodes to look at, which an ``up`` from here has seen."""
        session = self.session
        is_remote = session is not None and session.cluster.provider != "local"
        return session is not None and is_remote and facts_file(session.folder).exists()


@dataclass(frozen=True, slots=True)
class Plan:
    """What every part found; ``shown`` is all of it as the user sees it."""

    engine: EngineSeen
    here: NodesSeen
    nodes: NodesSeen
    states: tuple[Leftover, ...]
    shown: SweepResult


def look(scope: Scope, options: SweepOptions, *, sink: Sink) -> Plan:
    """Look everywhere; changes nothing. Without a cluster: at this machine and its Docker."""
    began, session, only = time.monotonic(), scope.session, scope.only
    with open_host() as host:
        sink(Note("looking at this machine and its Docker engine"))
        engine = look_at_engine(host, only)
        here = look_at_nodes([this_machine(only)], host.transport, [HOST])
    nodes, spared = NodesSeen(), engine.spared
    if session is not None and scope.has_nodes:
        nodes, busy = _look_at_cluster(session, options, sink)
        spared += busy
    states = look_at_states(only)
    shown = SweepResult(
        found=(*engine.found, *here.found, *nodes.found, *states),
        spared=spared,
        unseen=_once((*engine.unseen, *here.unseen, *nodes.unseen)),
        took_s=time.monotonic() - began,
    )
    return Plan(engine, here, nodes, states, shown)


def sweep(scope: Scope, options: SweepOptions, plan: Plan, *, sink: Sink) -> SweepResult:
    """Remove what was found, and look again; what a living holder has meanwhile stays."""
    began, session, only = time.monotonic(), scope.session, scope.only
    unseen: tuple[Unseen, ...] = plan.shown.unseen
    with open_host() as host:
        engine = sweep_engine(host, plan.engine) if plan.engine.going else EngineSeen()
        here = sweep_nodes([this_machine(only)], plan.here, host.transport)
    nodes = NodesSeen()
    if session is not None and plan.nodes.found:
        nodes = _sweep_cluster(session, options, plan.nodes, sink)
        unseen += nodes.unseen
    states = sweep_states(plan.states)
    names = {(each.kind, each.what) for each in plan.engine.found}
    left = (
        *(each for each in engine.found if (each.kind, each.what) in names),
        *here.found,
        *nodes.found,
        *states,
    )
    still = {(each.node, each.kind, each.what) for each in left}
    return SweepResult(
        found=plan.shown.found,
        removed=tuple(
            each for each in plan.shown.found if (each.node, each.kind, each.what) not in still
        ),
        left=left,
        spared=plan.shown.spared,
        unseen=_once(unseen),
        took_s=plan.shown.took_s + time.monotonic() - began,
    )


def sweep_steps(scope: Scope, options: SweepOptions) -> list[Step]:
    """What looks at nodes and at this machine, not asked; Docker is asked over its API."""
    session = scope.session
    steps = [sweep_step(this_machine(scope.only))]
    if session is not None and session.cluster.provider != "local":
        select(session.cluster, options.nodes)  # whether there are such nodes
        steps += [sweep_step(place) for place in places_of(session)]
    return steps


def _look_at_cluster(
    session: Session, options: SweepOptions, sink: Sink
) -> tuple[NodesSeen, tuple[Spared, ...]]:
    """The nodes, unless somebody changes the cluster now."""
    chosen = select(session.cluster, options.nodes)
    with open_world(session) as world:
        try:
            holder = Lock(store_of(session, world), new_holder("sweep")).look()
            if holder is not None and holder.life != "dead":
                what = f"nodes of cluster {session.cluster.name}"
                return NodesSeen(), (Spared(node=HOST, what=what, why=told(holder)),)
            session = known_or_met(session, world, sink)
        except NodesFailed as failed:
            rows = failed.failures.items()
            return NodesSeen(unseen=tuple(_unseen(name, error) for name, error in rows)), ()
        except TransportError as error:
            return NodesSeen(unseen=(_unseen(error.node, error),)), ()
        sink(Note(f"looking at {', '.join(chosen)}"))
        return look_at_nodes(places_of(session), world.transport, chosen), ()


def _sweep_cluster(
    session: Session, options: SweepOptions, agreed: NodesSeen, sink: Sink
) -> NodesSeen:
    try:
        with open_world(session) as world, locked(session, world, "sweep", options, sink=sink):
            session = known_or_met(session, world, sink)
            return sweep_nodes(places_of(session), agreed, world.transport)
    except (Locked, TransportError, NodesFailed) as error:
        why = _unseen(session.cluster.head.name, error)
        return NodesSeen(found=agreed.found, unseen=(why,))


def _unseen(node: str, error: ClusterkitError) -> Unseen:
    return Unseen(node=node, why=str(error).removeprefix(f"{node}: "), is_node=True)


def _once(rows: tuple[Unseen, ...]) -> tuple[Unseen, ...]:
    return tuple({(row.node, row.why): row for row in rows}.values())

"""Replace a cluster's key pairs while it is up; nobody is locked out, whenever that is stopped."""

from __future__ import annotations

import time
from collections.abc import Iterable

from clusterkit import registry
from clusterkit.command import Step
from clusterkit.errors import UsageError
from clusterkit.events import Note, Sink
from clusterkit.executor import Outcome, converge, from_scratch
from clusterkit.model.cluster import Cluster
from clusterkit.model.options import KeysOptions
from clusterkit.model.rotation import Phase, Rotation
from clusterkit.model.trust import (
    HEAD,
    OPERATOR,
    PLANNED,
    Trust,
    fingerprint,
    host_key_name,
    planned_trust,
)
from clusterkit.results.keys import KeysResult, RotatedKey
from clusterkit.state.keys import ensure_trust, key_file, load_pair
from clusterkit.state.rotation import (
    begin_rotation,
    end_rotation,
    load_rotation,
    pin,
    switch_keys,
    withdraw_keys,
)
from clusterkit.tasks.base import Stage
from clusterkit.transports.world import World
from clusterkit.use_cases.jobs import running_jobs
from clusterkit.use_cases.keys_show import look_at_keys, pending, refuse_without_keys
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.session import Session, open_world
from clusterkit.use_cases.up import applied_steps


def rotate(session: Session, options: KeysOptions, *, sink: Sink) -> KeysResult:
    """Finish what was interrupted, then replace what is asked for and was not replaced by that.

    Raises:
        UsageError: If a job runs and nothing says that it may go on; if nothing is up.
        NodesFailed: With every node's error; the same command goes on from there.
    """
    began = time.monotonic()
    wanted = rotated_names(session.cluster, options.only)
    outcome = Outcome()
    _refuse_without_state(session)
    verb = "keys rotate"
    with open_world(session) as world, locked(session, world, verb, options, sink=sink):
        if not options.force:
            _refuse_running_jobs(session, world)
        done: list[RotatedKey] = []
        if interrupted := load_rotation(session.folder):
            sink(Note(f"going on with the rotation that began at {interrupted.began_at}"))
            done += _rotate(session, interrupted, world, sink, outcome)
        finished = {row.key for row in done}
        if rest := tuple(name for name in wanted if name not in finished):
            done += _rotate(session, begin_rotation(session.folder, rest), world, sink, outcome)
        keys = look_at_keys(session, world)
    return KeysResult(
        cluster=session.cluster.name,
        keys=keys,
        rotation=pending(session.folder),
        rotated=tuple(done),
        steps=applied_steps(outcome),
        took_s=time.monotonic() - began,
    )


def rotate_steps(session: Session, options: KeysOptions) -> list[Step]:
    """Every step and every look of a whole rotation, from the inventory alone."""
    names = rotated_names(session.cluster, options.only)
    trust = planned_trust(session.cluster)
    pairs = dict.fromkeys(names, PLANNED)
    phases: tuple[Phase, ...] = ("beside", "switched", "withdrawn")
    return [
        step
        for phase in phases
        for step in from_scratch(
            _stages(
                session.cluster,
                trust,
                Rotation(names, phase, "", str(session.folder), pairs, pairs),
            )
        )
    ]


def rotated_names(cluster: Cluster, only: str | None) -> tuple[str, ...]:
    """The pairs that are ours to replace: of machines we make none but the head's.

    Raises:
        UsageError: If there is nothing to replace.
    """
    refuse_without_keys(cluster)
    hosts = tuple(host_key_name(node.name) for node in cluster.nodes)
    groups = {"operator": (OPERATOR,), "head": (HEAD,), "hosts": hosts}
    ours = groups if cluster.provider == "docker" else {"head": (HEAD,)}
    if only is not None and only not in ours:
        raise UsageError(
            f"cluster {cluster.name} is on machines of yours: only the head's key can be replaced "
            "while it is up, and neither your own keys nor theirs. "
            "Fix: leave `--only` out, or `--only head`"
        )
    return tuple(name for group, names in ours.items() if only in (None, group) for name in names)


def _rotate(
    session: Session, rotation: Rotation, world: World, sink: Sink, outcome: Outcome
) -> list[RotatedKey]:
    """Go from the phase that was reached to the end; each phase may be done again."""
    cluster, folder = session.cluster, session.folder

    def settle(rotation: Rotation) -> None:
        trust = ensure_trust(folder, cluster)
        pin(folder, cluster, rotation, trust)
        converge(_stages(cluster, trust, rotation), world, sink, outcome)

    if rotation.phase == "beside":
        settle(rotation)
        rotation = switch_keys(folder, rotation)
    if rotation.phase == "switched":
        settle(rotation)
        rotation = withdraw_keys(folder, rotation)
    settle(rotation)
    rows = [
        RotatedKey(
            key=name,
            old=fingerprint(rotation.old[name].public) if name in rotation.old else None,
            new=fingerprint(pair.public),
        )
        for name in rotation.names
        if (pair := load_pair(key_file(folder, name)))
    ]
    end_rotation(folder)
    return rows


def _stages(cluster: Cluster, trust: Trust, rotation: Rotation) -> Iterable[Stage]:
    stages: Iterable[Stage] = registry.find("providers", cluster.provider).rekey(
        cluster, trust, rotation
    )
    return stages


def _refuse_without_state(session: Session) -> None:
    """Without the keys in use there is nothing to replace, and nobody to log in."""
    if load_pair(key_file(session.folder, HEAD)) is None:
        raise UsageError(
            f"cluster {session.cluster.name} was not brought up from here: there are no keys of "
            "it. Fix: run `clusterkit up INVENTORY`, which gives you keys of your own"
        )


def _refuse_running_jobs(session: Session, world: World) -> None:
    if running := running_jobs(session, world):
        jobs = ", ".join(running)
        raise UsageError(
            f"{jobs} {'run' if len(running) > 1 else 'runs'} on this cluster. A job uses the keys "
            "when it starts, and connections that are open outlive a rotation; one that starts "
            f"at this moment may fail. Fix: wait, end it with `clusterkit stop {running[0]}`, or "
            "add `--force`"
        )

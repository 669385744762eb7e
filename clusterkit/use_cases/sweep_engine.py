"""``sweep`` on this machine's Docker engine: what is left of clusters whose makers are gone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from clusterkit.command import HOST, Command, DockerCall, DockerLook
from clusterkit.errors import ClusterkitError, TransportError
from clusterkit.model.cluster import Cluster, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.payloads.job_protocol import JOB_VARIABLE
from clusterkit.providers.docker.abandoned import (
    REMOVE,
    HeldBy,
    Known,
    OnEngine,
    Verdict,
    by_hand,
    clusters_on,
    judge,
)
from clusterkit.results.sweep import Leftover, Spared, Unseen
from clusterkit.state import clusters
from clusterkit.state.facts import facts_file
from clusterkit.state.folders import cluster_folder, state_folder
from clusterkit.state.lock import new_holder, user_name
from clusterkit.state.lock_chain import Lock, Seen
from clusterkit.state.maker import knows, state_of_maker
from clusterkit.transports.world import World
from clusterkit.use_cases.lock import told
from clusterkit.use_cases.lock_stores import store_of
from clusterkit.use_cases.session import Session

# The ids of the jobs of all processes of a container.
_JOBS = """
cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | sed -n "s/^$1=//p" | sort -u
"""


@dataclass(frozen=True, slots=True)
class EngineSeen:
    """What a look at the engine came to; ``going`` are the clusters of what was ``found``."""

    found: tuple[Leftover, ...] = ()
    spared: tuple[Spared, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    going: tuple[str, ...] = ()


def look_at_engine(world: World, only: str | None = None) -> EngineSeen:
    """Judge every cluster of which the engine has something, or the only one that is meant."""
    try:
        rows = [row for row in _clusters(world) if only in (None, row.cluster)]
        verdicts = [(row, _judged(row, _look_at_lock(row, world))) for row in rows]
    except TransportError as error:
        return EngineSeen(unseen=(Unseen(node=HOST, why=str(error).removeprefix(f"{HOST}: ")),))
    going = [(row, verdict) for row, verdict in verdicts if verdict.goes]
    return EngineSeen(
        found=tuple(each for row, verdict in going for each in _leftovers(row, verdict)),
        spared=tuple(
            Spared(node=HOST, what=f"cluster {row.cluster} on Docker", why=verdict.why)
            for row, verdict in verdicts
            if not verdict.goes
        ),
        going=tuple(row.cluster for row, _ in going),
    )


def sweep_engine(world: World, agreed: EngineSeen) -> EngineSeen:
    """Remove what was agreed to, cluster by cluster, each under its own lock; look again.

    Whoever has taken a cluster up meanwhile keeps it.
    """
    for name in agreed.going:
        lock = Lock(store_of(_session(name), world), new_holder("sweep"))
        before = lock.look()
        if lock.take() is not None:
            continue
        try:
            row = next((each for each in _clusters(world) if each.cluster == name), None)
            verdict = _judged(row, before) if row else None
            if row and verdict and verdict.goes and not verdict.lock_only:
                _remove(row, world, {item.what for item in agreed.found})
        finally:
            lock.release()
    return look_at_engine(world)


def _remove(row: OnEngine, world: World, agreed: set[str]) -> None:
    for thing in sorted(row.things, key=lambda thing: list(REMOVE).index(thing.kind)):
        if thing.name in agreed:
            world.perform(HOST, DockerCall(REMOVE[thing.kind], thing.name)).check()
    is_whole = {thing.name for thing in row.things} <= agreed
    if is_whole and any(_state_of(thing.maker) == state_folder() for thing in row.things):
        clusters.forget(row.cluster)


def _clusters(world: World) -> tuple[OnEngine, ...]:
    return clusters_on(json.loads(world.perform(HOST, DockerLook(None)).check().stdout))


def _look_at_lock(row: OnEngine, world: World) -> Seen | None:
    if not row.locked_by:
        return None
    return Lock(store_of(_session(row.cluster), world), new_holder("sweep")).look()


def _judged(row: OnEngine, lock: Seen | None) -> Verdict:
    holder = HeldBy(told(lock), lock.life, _is_own(row, lock)) if lock else None

    def known(maker: str) -> Known:
        state = _state_of(maker)
        if state is None:
            return "not ours"
        if not knows(state, row.cluster):
            return "no"
        return "up" if facts_file(state / "clusters" / row.cluster).exists() else "half"

    verdict = judge(row, holder, known, ())
    if not verdict.goes or verdict.lock_only:
        return verdict
    return judge(row, holder, known, _jobs_in(row))


def _is_own(row: OnEngine, lock: Seen) -> bool:
    """Whether the lock is this state's, or that of one of this user's which knows it no more."""
    states = [_state_of(maker) for maker in row.locked_by]
    return lock.holder["user"] == user_name() and all(
        state is not None and (state == state_folder() or not knows(state, row.cluster))
        for state in states
    )


def _state_of(maker: str | None) -> Path | None:
    return state_of_maker(maker) if maker else None


def _jobs_in(row: OnEngine) -> tuple[str, ...]:
    """The jobs that run in the containers; of one that nobody can look into, a word for them."""
    from clusterkit.transports.docker import DockerTransport

    jobs: set[str] = set()
    for name in row.running:
        inside = DockerTransport(name, name)
        look = Command(("sh", "-c", _JOBS, "sh", JOB_VARIABLE), timeout_s=10)
        try:
            jobs |= set(inside.run(look).check().stdout.split())
        except ClusterkitError:
            jobs.add(f"(nobody can look into {name})")
        finally:
            inside.close()
    return tuple(sorted(jobs))


def _leftovers(row: OnEngine, verdict: Verdict) -> list[Leftover]:
    found = []
    if not verdict.lock_only:
        found = [
            Leftover(
                node=HOST,
                kind=thing.kind,
                what=thing.name,
                why=f"cluster {row.cluster}: {verdict.why}",
                remove_with=by_hand(thing.kind, thing.name),
            )
            for thing in row.things
        ]
    if row.locked_by:
        found.append(
            Leftover(
                node=HOST,
                kind="lock",
                what=f"the lock of cluster {row.cluster}",
                why=verdict.why,
                remove_with="clusterkit lock release --inventory INVENTORY",
            )
        )
    return found


def _session(cluster: str) -> Session:
    """As much of a cluster as its lock needs."""
    alone = Cluster(cluster, "docker", (), Storage("bind", "/"), EngineSettings())
    return Session(alone, cluster_folder(cluster))

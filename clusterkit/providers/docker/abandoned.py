"""Whether what a Docker engine has of a cluster may go: only what our own crashed runs left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from clusterkit.command import DockerOperation
from clusterkit.providers.docker.names import LABEL, LOCKS_LABEL, STATE_LABEL, label

Kind = Literal["container", "network", "volume"]
REMOVE: dict[Kind, DockerOperation] = {
    "container": "remove",
    "network": "remove-network",
    "volume": "remove-volume",
}
_KINDS: dict[Kind, str] = {"container": "containers", "network": "networks", "volume": "volumes"}

Known = Literal["up", "half", "no", "not ours"]
"""What the state that made a thing says of its cluster; half: it never came up whole."""


@dataclass(frozen=True, slots=True)
class Thing:
    """An object of an engine. ``maker`` says whose state made it; None: nobody said."""

    kind: Kind
    name: str
    maker: str | None
    is_running: bool = False


@dataclass(frozen=True, slots=True)
class HeldBy:
    """The holder of a cluster's lock. ``is_own``: of this state, or of one that lost it."""

    told: str
    life: Literal["living", "silent", "dead"]
    is_own: bool


@dataclass(frozen=True, slots=True)
class OnEngine:
    """All that an engine has of one cluster, and who made the entries of its lock."""

    cluster: str
    things: tuple[Thing, ...]
    locked_by: tuple[str | None, ...] = ()

    @property
    def running(self) -> tuple[str, ...]:
        """The containers that run."""
        return tuple(thing.name for thing in self.things if thing.is_running)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it may go, and why. ``lock_only``: nothing but the lock that a dead run left."""

    goes: bool
    why: str
    lock_only: bool = False


def clusters_on(answer: Mapping[str, Any]) -> tuple[OnEngine, ...]:
    """What an engine has, cluster by cluster; what bears no label of ours is not seen at all."""
    things: dict[str, list[Thing]] = {}
    locks: dict[str, list[str | None]] = {}
    for row in answer["volumes"]:
        if cluster := label(row, LOCKS_LABEL):
            locks.setdefault(cluster, []).append(label(row, STATE_LABEL))
    for kind, rows in _KINDS.items():
        for row in answer[rows]:
            if cluster := label(row, LABEL):
                is_running = row.get("state") == "running"
                thing = Thing(kind, row["name"], label(row, STATE_LABEL), is_running)
                things.setdefault(cluster, []).append(thing)
    return tuple(
        OnEngine(name, tuple(things.get(name, ())), tuple(locks.get(name, ())))
        for name in sorted({*things, *locks})
    )


def judge(
    seen: OnEngine, holder: HeldBy | None, known: Callable[[str], Known], jobs: Sequence[str]
) -> Verdict:
    """``known`` tells what the state behind a maker's label says; ``jobs`` live in containers."""
    is_crashed = holder is not None and holder.life == "dead" and holder.is_own
    if holder is not None and not is_crashed:
        return Verdict(goes=False, why=f"{holder.told}, and is not seen to be gone")
    if jobs:
        return Verdict(goes=False, why=f"job {', '.join(jobs)} runs there")
    answers = {known(thing.maker) if thing.maker else "not ours" for thing in seen.things}
    told = f"{holder.told}, and is gone" if holder else ""
    if answers & {"up", "not ours"}:
        why = "it is up and known" if "up" in answers else "not made by this user from here"
        return Verdict(is_crashed, told or why, lock_only=True)
    if "half" in answers and not is_crashed:
        return Verdict(goes=False, why="it is known, and never came up whole")
    return Verdict(goes=True, why=told or "no state knows it")


def by_hand(kind: Kind, name: str) -> str:
    """How a person removes a thing."""
    return f"docker rm -f -v {name}" if kind == "container" else f"docker {kind} rm {name}"

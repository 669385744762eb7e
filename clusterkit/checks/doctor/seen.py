"""What the doctor saw, as values: the checks look at nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clusterkit.checks.same_storage import NotShared
from clusterkit.facts import MachineFacts, NodeFacts
from clusterkit.model.cluster import Cluster, Node


@dataclass(frozen=True, slots=True)
class Clock:
    """How far a node's clock is ahead of the controlling machine's.

    The answer is taken to come from the middle of its round trip, so that it may be wrong by
    ``uncertainty_s``, which is half of it.
    """

    ahead_s: float
    uncertainty_s: float


Service = Literal["listener", "sshd"]


@dataclass(frozen=True, slots=True)
class Blocked:
    """A connection that a node could not open to ``service`` of the node ``to``."""

    to: str
    service: Service
    why: str


@dataclass(frozen=True, slots=True)
class Login:
    """A login from the head to ``to``; ``refused`` is what ssh said last where it failed."""

    to: str
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Reach:
    """What one node could reach. ``no_port`` says why it could not listen itself."""

    tried: int = 0
    blocked: tuple[Blocked, ...] = ()
    logins: tuple[Login, ...] = ()
    no_port: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job that was run to see whether it works. ``answers`` are what its ranks told.

    ``skipped`` says why it was not run, ``error`` how it failed.
    """

    ranks: int = 0
    answers: tuple[Mapping[str, Any], ...] = ()
    error: str | None = None
    skipped: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """Everything that one examination looked at; what is missing was not looked at.

    ``nodes`` are those that were asked, ``silent`` says why some did not answer. ``machines``
    are the nodes as they see themselves; ``hosts`` are the machines that carry containers, by
    name. ``images`` are the digests from which containers were made. ``not_shared`` None: the
    storage was not proven.
    """

    cluster: Cluster
    nodes: tuple[Node, ...]
    silent: Mapping[str, str] = field(default_factory=dict[str, str])
    facts: Mapping[str, NodeFacts] = field(default_factory=dict[str, NodeFacts])
    machines: Mapping[str, MachineFacts] = field(default_factory=dict[str, MachineFacts])
    hosts: Mapping[str, MachineFacts] = field(default_factory=dict[str, MachineFacts])
    clocks: Mapping[str, Clock] = field(default_factory=dict[str, Clock])
    reach: Mapping[str, Reach] = field(default_factory=dict[str, Reach])
    images: Mapping[str, str] = field(default_factory=dict[str, str])
    storage_free_bytes: Mapping[str, int] = field(default_factory=dict[str, int])
    not_shared: tuple[NotShared, ...] | None = None
    ring: JobSeen = JobSeen(skipped="not asked for")
    nccl: JobSeen = JobSeen(skipped="not asked for")

    @property
    def names(self) -> tuple[str, ...]:
        """The nodes that were asked."""
        return tuple(node.name for node in self.nodes)

    @property
    def answering(self) -> tuple[Node, ...]:
        """The nodes that answered."""
        return tuple(node for node in self.nodes if node.name not in self.silent)

"""A job before it starts and after it has ended, as values."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from clusterkit.command import Command
from clusterkit.model.job import RankProgram
from clusterkit.payloads.job_protocol import GRACE_S, VERSION
from clusterkit.placement import Placement, Rank, visible_devices
from clusterkit.tasks.payload import payload_words

Outcome = Literal[
    "done", "failed", "interrupted", "stopped", "timed-out", "stalled", "lost", "detached"
]
"""How a job ended; ``detached``: it runs on without its controller."""
EXIT_CODES: dict[Outcome, int] = {
    "done": 0,
    "failed": 1,
    "interrupted": 130,
    "stopped": 1,
    "timed-out": 124,
    "stalled": 124,
    "detached": 0,
    "lost": 1,
}

RANK_ARGV = ("sh", "-c", 'exec "$CLUSTERKIT_PYTHON" -I -S "$CLUSTERKIT_PAYLOADS" rank')
"""What a launcher starts as every rank; the variables are of the node on which it runs."""

RSH = ("clusterkit-rsh",)
"""What mpirun starts in place of ssh; the supervisor puts it on mpirun's PATH."""


@dataclass(frozen=True, slots=True)
class JobNode:
    """A node of a job. ``payloads`` is the folder of the payloads there, ``home`` clusterkit's.

    ``prefix`` is where Open MPI is installed there; None where nobody needs to know.
    ``container`` is its name on its engine, of a node that is one.
    """

    name: str
    address: str | None
    python: str
    payloads: str
    home: str
    prefix: str | None = None
    container: str | None = None

    def folder(self, job: str) -> str:
        """What the job has on this node: its logs, and where its ranks run."""
        return f"{self.home}/jobs/{job}"

    def run_folder(self, job: str) -> str:
        """Where its ranks run here, and the files of its program lie."""
        return f"{self.folder(job)}/run"

    def payload(self, name: str, *words: str) -> tuple[str, ...]:
        """The words that run a payload of the standard library here."""
        return payload_words(self.python, self.payloads, name, *words)


@dataclass(frozen=True, slots=True)
class Preparation:
    """What of a job is known before its nodes were looked at: enough to start its agents."""

    id: str
    nodes: tuple[JobNode, ...]
    ssh_config: str | None = None

    @property
    def head(self) -> JobNode:
        """The node on which the supervisor runs."""
        return self.nodes[0]

    def as_message(self) -> dict[str, Any]:
        """The first message to the supervisor."""
        return {
            "t": "prepare",
            "version": VERSION,
            "id": self.id,
            "nodes": [
                {"name": node.name, "python": node.python, "payloads": node.payloads}
                for node in self.nodes
            ],
            "ssh_config": self.ssh_config,
        }


@dataclass(frozen=True, slots=True)
class Job:
    """One run on the cluster. The first of ``nodes`` is the head, whether it has ranks or not.

    ``launch`` starts :data:`RANK_ARGV` as every rank of the placement. ``ssh_config`` is the file
    with which the head reaches the other nodes; None where there is only one. ``grace_s``: so long
    may ranks go on that were asked to end. ``asked`` is what the verb needs later to make its
    result of what is on file.
    """

    id: str
    verb: str
    cluster: str
    nodes: tuple[JobNode, ...]
    placement: Placement
    program: RankProgram
    launch: Command
    subnet: str | None = None
    ssh_config: str | None = None
    timeout_s: float | None = None
    start_timeout_s: float = 60.0
    stall_timeout_s: float | None = None
    restarts: int = 0
    grace_s: float = GRACE_S
    asked: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)

    @property
    def head(self) -> JobNode:
        """The node on which the supervisor runs."""
        return self.nodes[0]

    @property
    def preparation(self) -> Preparation:
        """What its agents need to start."""
        return Preparation(self.id, self.nodes, self.ssh_config)

    def node_env(self, node: str) -> dict[str, str]:
        """What all ranks of one node have in their environment, besides the program's own."""
        local = [rank for rank in self.placement.ranks if rank.node == node]
        env = {
            **({} if self.stall_timeout_s is None else {"PYTHONFAULTHANDLER": "1"}),
            "WORLD_SIZE": str(self.placement.world_size),
            "LOCAL_WORLD_SIZE": str(len(local)),
            "PYTHONUNBUFFERED": "1",
        }
        if devices := visible_devices(self.placement, node):
            env["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, devices))
        return env

    def rank_env(self, rank: Rank) -> dict[str, str]:
        """One rank's environment, but for what is only known where it runs.

        That is MASTER_ADDR, MASTER_PORT and the network interface, which the agents add.
        """
        place = {"RANK": str(rank.rank), "LOCAL_RANK": str(rank.local_rank)}
        return {**self.node_env(rank.node), **place, **self.program.env}

    def argv_on(self, name: str) -> tuple[str, ...]:
        """The program's words on a node, where the head's own places are that node's."""
        node = next(node for node in self.nodes if node.name == name)
        places = {self.head.python: node.python, self.head.payloads: node.payloads}
        if self.program.chdir is not None:
            for file in self.program.files:
                places[file] = places[f"./{file}"] = f"{node.run_folder(self.id)}/{file}"
        return tuple(places.get(word, word) for word in self.program.argv)

    def as_message(self) -> dict[str, Any]:
        """The message to the supervisor that starts it."""
        files = self.program.files.items()
        return {
            "t": "job",
            "version": VERSION,
            "id": self.id,
            "verb": self.verb,
            "cluster": self.cluster,
            "nodes": [
                {
                    "name": node.name,
                    "address": node.address,
                    "python": node.python,
                    "payloads": node.payloads,
                    "prefix": node.prefix,
                    "folder": node.folder(self.id),
                    "env": self.node_env(node.name),
                    "argv": list(self.argv_on(node.name)),
                }
                for node in self.nodes
            ],
            "ranks": [
                {"rank": rank.rank, "node": rank.node, "local_rank": rank.local_rank}
                for rank in self.placement.ranks
            ],
            "env": dict(self.program.env),
            "chdir": self.program.chdir,
            "files": {name: base64.b64encode(content).decode() for name, content in files},
            "launch": {"argv": list(self.launch.argv), "env": dict(self.launch.env)},
            "subnet": self.subnet,
            "ssh_config": self.ssh_config,
            "timeout_s": self.timeout_s,
            "start_timeout_s": self.start_timeout_s,
            "stall_timeout_s": self.stall_timeout_s,
            "restarts": self.restarts,
            "grace_s": self.grace_s,
            "asked": dict(self.asked),
        }


@dataclass(frozen=True, slots=True)
class RankEnd:
    """How a rank ended. Neither exit code nor signal: it was never seen to end, or to start."""

    rank: int
    node: str
    exit_code: int | None = None
    signal: str | None = None


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How a job ended, and what every node looked like afterwards; or that it was ``detached``.

    ``leftovers`` names processes that could not be ended and nodes that could not be looked at:
    empty means that nothing of the job is left, and that this was seen.
    """

    job: str
    outcome: Outcome
    message: str
    exit_code: int
    ranks: tuple[RankEnd, ...]
    leftovers: tuple[str, ...] = ()
    cause: Mapping[str, Any] | None = None
    took_s: float = field(default=0.0, compare=False)


def new_job_id(verb: str, now: float, entropy: bytes) -> str:
    """A short name that is easy to type, such as ``infer-7f3a2c``."""
    digest = hashlib.sha256(repr(now).encode() + entropy).hexdigest()
    return f"{verb}-{digest[:6]}"

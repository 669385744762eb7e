"""The options of ``lab``."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from clusterkit.errors import UsageError, did_you_mean
from clusterkit.model.base import Model, Name
from clusterkit.model.cluster import Cluster
from clusterkit.model.fault import STORAGE, Fault, FaultKind, is_offset, offset, rate, seconds
from clusterkit.model.mistakes import mistake
from clusterkit.model.node_sets import select

_WORDS: dict[FaultKind, tuple[str, ...]] = {
    "kill-node": ("NODES",),
    "pause": ("NODES",),
    "cut": ("NODES",),
    "drop-ssh": ("NODES",),
    "fill-disk": ("NODES or storage",),
    "partition": ("NODE", "NODE"),
    "slow": ("NODES", "RATE"),
    "skew-clock": ("NODES", "OFFSET"),
    "kill-rank": ("RANK",),
    "hang-rank": ("RANK",),
}
"""What follows each kind of fault."""


class LabOptions(Model):
    """Make a throwaway cluster of containers, break it, and heal it."""

    action: Literal["up", "ls", "fault", "faults", "heal", "down"] = Field(
        description="up, ls, fault, faults, heal or down", examples=["up"]
    )
    words: tuple[str, ...] = Field(
        default=(),
        description="fault: its kind, then nodes, a rate, an offset or a rank. heal: nodes",
        examples=[["kill-node", "node2"]],
    )
    nodes: int = Field(default=3, ge=1, le=64, description="up: how many nodes")
    slots: int = Field(default=2, ge=1, le=64, description="up: ranks that fit a node")
    name: Name = Field(default="lab", description="up: the cluster's name", examples=["lab"])
    image: str | None = Field(
        default=None,
        min_length=1,
        description="up: another image; some faults need what clusterkit/node-lab has",
        examples=["clusterkit/node-lab:dev"],
    )
    one_way: bool = Field(
        default=False, description="partition: only what the first node sends is lost"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.action == "fault":
            _check_fault(self.words)
        elif self.words and self.action != "heal":
            raise mistake(f"`{self.action}` takes no `{self.words[0]}`", "leave it out")
        if self.one_way and self.words[:1] != ("partition",):
            raise mistake("`one_way` is for `fault partition`", "leave it out")
        return self


def _check_fault(words: tuple[str, ...]) -> None:
    if not words:
        raise mistake("`fault` needs a kind", f"use one of {', '.join(_WORDS)}")
    kind, *rest = words
    if kind not in get_args(FaultKind):
        fix = did_you_mean(kind, _WORDS, otherwise=f"use one of {', '.join(_WORDS)}")
        raise mistake(f"no fault is called `{kind}`", fix)
    wanted = _WORDS[kind]  # type: ignore[index]  # it is one of them
    if len(rest) != len(wanted):
        raise mistake(
            f"`{kind}` takes {' and '.join(wanted)}, and here are {len(rest)} words",
            f"write `lab fault {kind} {' '.join(_EXAMPLES[word] for word in wanted)}`",
        )
    last = rest[-1]
    if wanted[-1] == "RATE" and rate(last) is None:
        raise mistake(f"`{last}` is no rate", "write `50mbit`, `800kbit` or `1gbit`")
    if wanted[-1] == "OFFSET" and not is_offset(last):
        raise mistake(f"`{last}` is no offset of a clock", "write `+2m`, `-30s` or `+1h`")
    if wanted[-1] == "RANK" and not last.isdecimal():
        raise mistake(f"`{last}` is no rank", "write its number: 0, 1, …")


_EXAMPLES = {
    "NODES": "node2",
    "NODES or storage": "node2",
    "NODE": "node1",
    "RATE": "50mbit",
    "OFFSET": "+2m",
    "RANK": "1",
}


def read_faults(options: LabOptions, cluster: Cluster) -> tuple[Fault, ...]:
    """The fault on each node that the words mean; of a rank, on every node where it may be.

    Raises:
        UsageError: If they mean no node of the cluster.
    """
    kind: FaultKind
    kind, first, *rest = options.words  # type: ignore[assignment]  # it was checked
    match kind:
        case "kill-rank" | "hang-rank":
            return tuple(Fault(kind, node.name, value=str(int(first))) for node in cluster.nodes)
        case "partition":
            (node,), (peer,) = _one(first, cluster), _one(rest[0], cluster)
            if node == peer:
                raise UsageError(f"{node} cannot be parted from itself. Fix: name another node")
            return (Fault(kind, node, peer, one_way=options.one_way),)
        case "fill-disk" if first == STORAGE:
            return (Fault(kind, cluster.head.name, value=STORAGE),)
        case "skew-clock":
            off_by = offset(seconds(rest[0]))  # as a look will tell it
            return tuple(Fault(kind, node, value=off_by) for node in select(cluster, first))
        case "slow":
            return tuple(Fault(kind, node, value=rate(rest[0])) for node in select(cluster, first))
        case _:
            value = rest[0] if rest else None
            return tuple(Fault(kind, node, value=value) for node in select(cluster, first))


def _one(word: str, cluster: Cluster) -> tuple[str, ...]:
    nodes = select(cluster, word)
    if len(nodes) != 1:
        raise UsageError(f"`{word}` means {len(nodes)} nodes. Fix: a partition is between two")
    return nodes

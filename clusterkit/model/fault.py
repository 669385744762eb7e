"""A fault of a lab, as a person types it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

FaultKind = Literal[
    "kill-node", "pause", "cut", "partition", "slow", "fill-disk", "skew-clock",
    "kill-rank", "hang-rank", "drop-ssh",
]  # fmt: skip

STORAGE = "storage"
"""What ``fill-disk`` fills in place of a node's own disk."""

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RATE = re.compile(r"([1-9][0-9]{0,8})([kmg]?)bit", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault on one node.

    ``peer`` is the other node of a partition. ``value`` is a rate, an offset of the clock, the
    number of a rank, or :data:`STORAGE`.
    """

    kind: FaultKind
    node: str
    peer: str | None = None
    value: str | None = None
    one_way: bool = False

    def __str__(self) -> str:
        if self.kind in ("kill-rank", "hang-rank") or self.value == STORAGE:
            return f"{self.kind} {self.value}"
        flag = "--one-way" if self.one_way else None
        return " ".join(filter(None, [self.kind, self.node, self.peer, self.value, flag]))


def rate(text: str) -> str | None:
    """A rate in its shortest form, ``1gbit`` for ``1000Mbit``; None for what is none."""
    found = _RATE.fullmatch(text)
    if found is None:
        return None
    bits = int(found[1]) * _UNITS[found[2].lower()]
    unit = next(unit for unit in ("g", "m", "k", "") if bits % _UNITS[unit] == 0)
    return f"{bits // _UNITS[unit]}{unit}bit"


def is_offset(text: str) -> bool:
    """Whether this is an offset of a clock: ``+2m``, ``-30s``."""
    return re.fullmatch(r"[+-][0-9]{1,6}[smhd]", text) is not None


def seconds(text: str) -> int:
    """An offset of a clock in seconds."""
    return int(text[:-1]) * _SECONDS[text[-1]]


def offset(count: int) -> str:
    """So many seconds in the largest unit that leaves no rest: ``+2m``."""
    unit = next(unit for unit in ("d", "h", "m", "s") if count % _SECONDS[unit] == 0)
    return f"{count // _SECONDS[unit]:+d}{unit}"

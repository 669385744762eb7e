"""Time contestants in turn, so that what else the machine does meets all of them alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Heat = Callable[[], Mapping[str, float]]
"""Runs one contestant once; returns the seconds of each thing that it was timed at."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted: at most so many times the peer's time, or so many seconds more."""

    kind: Literal["ratio", "more"]
    limit: float | None = None

    def of(self, ours_s: float, peer_s: float) -> float:
        """Our time in the terms of the target."""
        return ours_s / peer_s if self.kind == "ratio" else ours_s - peer_s

    def shown(self, value: float) -> str:
        """A value of these terms, for people."""
        return f"{value:.2f}x" if self.kind == "ratio" else f"{1000 * value:+.0f} ms"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: seconds of both, taken in pairs."""

    what: str
    peer: str
    ours_s: tuple[float, ...]
    peer_s: tuple[float, ...]
    target: Target

    @property
    def result(self) -> float:
        """The median over the pairs: a slow minute of the machine meets both of a pair."""
        pairs = zip(self.ours_s, self.peer_s, strict=True)
        return statistics.median(self.target.of(*pair) for pair in pairs)

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        return None if self.target.limit is None else self.result <= self.target.limit


def race(contestants: Mapping[str, Heat], *, runs: int) -> dict[str, dict[str, tuple[float, ...]]]:
    """Run all contestants ``runs`` times after one warm-up; each round begins with another."""
    seconds: dict[str, dict[str, list[float]]] = {name: {} for name in contestants}
    order = list(contestants)
    for number in range(runs + 1):
        for name in order:
            for label, took_s in contestants[name]().items():
                if number:
                    seconds[name].setdefault(label, []).append(took_s)
        order.append(order.pop(0))
    return {
        name: {label: tuple(times) for label, times in labels.items()}
        for name, labels in seconds.items()
    }


def timed(
    argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> float:
    """Seconds of one process, from before its start to after its end; it must succeed."""
    began = time.perf_counter()
    done = subprocess.run(
        argv,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    took_s = time.perf_counter() - began
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")
        raise RuntimeError(f"{' '.join(map(str, argv))} exited with {done.returncode}:\n{said}")
    return took_s

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
"""Runs one contestant once; returns the seconds, or the MB, of each thing that was measured."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted: at most so many times what the peer takes, or so much more.

    ``each``: so many MB more, for each of ``among``.
    """

    kind: Literal["ratio", "more", "each"]
    limit: float | None = None
    among: int = 1

    def of(self, ours: float, theirs: float) -> float:
        """What we take, in the terms of the target."""
        return ours / theirs if self.kind == "ratio" else (ours - theirs) / self.among

    def shown(self, value: float) -> str:
        """A value of these terms, for people."""
        match self.kind:
            case "ratio":
                return f"{value:.2f}x"
            case "more":
                return f"{1000 * value:+.0f} ms"
            case "each":
                return f"{value:+.2f} MB each"


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison: what both take, in pairs; ``theirs`` is empty if there is no peer here."""

    what: str
    peer: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    target: Target
    unit: Literal["s", "MB"] = "s"

    @property
    def result(self) -> float | None:
        """The median over the pairs: a slow minute of the machine meets both of a pair."""
        if not self.theirs:
            return None
        pairs = zip(self.ours, self.theirs, strict=True)
        return statistics.median(self.target.of(*pair) for pair in pairs)

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target.limit is None or self.result is None:
            return None
        return self.result <= self.target.limit


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

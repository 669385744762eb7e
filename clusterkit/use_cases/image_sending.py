"""One image on its way to several machines: a stream that is read once and loaded everywhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clusterkit.checks.same_images import short_id
from clusterkit.command import Command, Step
from clusterkit.errors import ClusterkitError, reason
from clusterkit.events import Progress, Sink, StageStarted, StepEnded, StepStarted
from clusterkit.executor import on_each
from clusterkit.results.images import PushedImage
from clusterkit.transports.fan_out import BLOCK_BYTES, FanOut, gzipped, in_blocks
from clusterkit.transports.world import World

LOAD = ("docker", "load", "--quiet")
STAGE = "push"
_AT_ONCE = 16
"""More machines come in turns, each with a read of its own: all of one turn keep one pace."""
_SLOWEST_BYTES_PER_S = 1_000_000
_LEAST_S = 600.0

Seen = Mapping[str, Any] | None
"""An image as an engine tells it; None: it is not there."""


@dataclass
class Sending:
    """An image that ``source`` has, and the machines to which it goes.

    ``wanted`` is its id. ``errors`` are those of the machines that did not get it.
    """

    world: World
    source: str
    image: str
    wanted: str
    size_bytes: int
    sink: Sink
    errors: dict[str, ClusterkitError] = field(default_factory=dict[str, ClusterkitError])

    def send(
        self, before: Mapping[str, Seen | ClusterkitError], look: Callable[[str], Seen]
    ) -> tuple[PushedImage, ...]:
        """Load the image where it is not, and look again; a row for each machine of ``before``."""
        rows = {name: self._settled(name, seen) for name, seen in before.items()}
        lacking = [name for name, row in rows.items() if row is None]
        for first in range(0, len(lacking), _AT_ONCE):
            rows |= self._send_at_once(lacking[first : first + _AT_ONCE], look)
        had = {name: seen["id"] for name, seen in before.items() if isinstance(seen, Mapping)}
        return tuple(
            row.model_copy(update={"before": had.get(name)}) for name, row in rows.items() if row
        )

    def _settled(self, name: str, seen: Seen | ClusterkitError) -> PushedImage | None:
        """The row of a machine to which nothing is sent; None: it lacks the image."""
        if isinstance(seen, ClusterkitError):
            return self._failed(name, seen)
        if seen and seen["id"] == self.wanted:
            return PushedImage(node=name, state="had it", after=self.wanted)
        return None

    def _send_at_once(
        self, names: Sequence[str], look: Callable[[str], Seen]
    ) -> dict[str, PushedImage]:
        self.sink(StageStarted(STAGE, tuple(names)))
        saved = self.world.engine(self.source).save(self.image)
        stream = FanOut(in_blocks(saved), names, self._free, pack=gzipped)

        def stop() -> None:
            stream.stop()
            self.world.end_running()

        stream.start()
        answers = on_each(names, lambda name: self._load(name, stream, look), stop)
        return {
            name: self._failed(name, answer) if isinstance(answer, ClusterkitError) else answer
            for name, answer in answers.items()
        }

    def _free(self, name: str) -> None:
        """End what a machine that takes nothing runs for us."""
        self.world.machine(name).end_running()

    def _load(self, name: str, stream: FanOut, look: Callable[[str], Seen]) -> PushedImage:
        timeout_s = _LEAST_S + self.size_bytes / _SLOWEST_BYTES_PER_S
        step = Step(name, f"load {self.image}", Command(LOAD, timeout_s=timeout_s), "+", STAGE)
        self.sink(StepStarted(step))
        began = time.monotonic()
        count = _Count()
        try:
            loaded = self.world.machine(name).feed(
                Command(LOAD, timeout_s=timeout_s), self._counted(name, stream, count)
            )
            if not loaded.ok:
                raise _not_loaded(name, self.image, loaded.stderr)
            self._compare(name, look(name))
        except ClusterkitError as error:
            self.sink(StepEnded(step, time.monotonic() - began, str(error)))
            raise
        took_s = time.monotonic() - began
        self.sink(StepEnded(step, took_s))
        return PushedImage(
            node=name, state="loaded", after=self.wanted, sent_bytes=count.sent, took_s=took_s
        )

    def _counted(self, name: str, stream: FanOut, count: _Count) -> Iterator[bytes]:
        for number, block in enumerate(stream.blocks(name), 1):
            yield block
            count.sent += len(block)
            done = min(number * BLOCK_BYTES, self.size_bytes)
            self.sink(Progress(name, f"load {self.image}", done, self.size_bytes))

    def _compare(self, name: str, seen: Seen) -> None:
        if seen is None or seen["id"] != self.wanted:
            has = short_id(seen["id"]) if seen else "nothing"
            raise ClusterkitError(
                f"{name}: {self.image} was loaded, and its engine shows {has} instead of "
                f"{short_id(self.wanted)}. Fix: have the engines keep images in the same way "
                "(`docker info`: Storage Driver), or use a registry"
            )

    def _failed(self, name: str, error: ClusterkitError) -> PushedImage:
        self.errors[name] = error
        why = reason(name, error)
        return PushedImage(node=name, state="failed", error=why)


@dataclass
class _Count:
    """Bytes as they went over the network."""

    sent: int = 0


def _not_loaded(name: str, image: str, said: str) -> ClusterkitError:
    """Why an engine did not take an image; of one that broke off, nothing is left there."""
    last = (said.strip().splitlines() or ["no reason given"])[-1]
    fix = "look into the log of Docker there (`journalctl -u docker`)"
    if "no space left" in last or "quota" in last:
        fix = "free some space in Docker's folder there (`docker system df` shows what takes it)"
    return ClusterkitError(f"{name}: {image} was not loaded: {last}. Fix: {fix}, and push again")

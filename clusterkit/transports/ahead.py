"""Looks known beforehand: asked together, answered one by one, discarded by any change."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from clusterkit.command import Command, DockerLook, Result

_ENGINE_LOOKS_AT_ONCE = 64  # of as many machines; each engine is asked one or two


class Ahead:
    """Answers to looks that will be wanted soon.

    The Docker engine is asked at once; a node is asked all of its looks when the first one is
    wanted, for only then it is known to be there. A change to anything discards all answers, as
    nodes share storage; nodes that were not asked yet still can be. A node's answer serves once:
    whoever looks again expects something new.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of_engine: dict[DockerLook, Future[Result]] = {}
        self._looks: dict[str, list[Command]] = {}
        self._not_asked: set[str] = set()
        self._answers: dict[str, list[Result]] = {}
        self._changes = 0

    def expect(
        self, looks: Iterable[tuple[str, Command | DockerLook]]
    ) -> list[tuple[str, DockerLook]]:
        """Take note of looks; those of the engine are returned, to be asked."""
        of_engine: dict[DockerLook, str] = {}  # one engine asked by several is asked once
        for node, look in looks:
            if isinstance(look, DockerLook):
                of_engine.setdefault(look, node)
            else:
                self._looks.setdefault(node, []).append(look)
        self._not_asked = set(self._looks)
        return [(node, look) for look, node in of_engine.items()]

    def ask_engine(
        self,
        looks: Sequence[tuple[str, DockerLook]],
        ask: Callable[[str, DockerLook], Result],
    ) -> None:
        """Ask the engine in the background; where each node has its own, those of all nodes."""
        pool = ThreadPoolExecutor(_ENGINE_LOOKS_AT_ONCE)
        self._of_engine = {look: pool.submit(ask, node, look) for node, look in looks}
        pool.shutdown(wait=False)

    def of_engine(self, look: DockerLook) -> Result | None:
        """The engine's answer; None: it must be asked again."""
        with self._lock:
            found = self._of_engine.get(look)
        return found.result() if found else None

    def of_node(
        self, node: str, look: Command, ask: Callable[[Sequence[Command]], list[Result]]
    ) -> Result | None:
        """A node's answer; None: it must be asked by itself.

        ``ask`` may raise; then the node is asked everything again for its next look.
        """
        with self._lock:
            is_first, changes = node in self._not_asked, self._changes
        if is_first:
            answers = ask(self._looks[node])
            with self._lock:
                self._not_asked.discard(node)
                if changes == self._changes:  # else they may be older than what has changed
                    self._answers[node] = answers
        with self._lock:
            answers = self._answers.get(node, [])
            found = next((answer for answer in answers if answer.command == look), None)
            if found is not None:
                answers.remove(found)
        return found

    def is_look(self, node: str, command: Command) -> bool:
        """Whether ``command`` is one of the looks, which change nothing."""
        return command in self._looks.get(node, ())

    def discard(self) -> None:
        """Something changes: what was seen before holds no more."""
        with self._lock:
            self._changes += 1
            self._of_engine = {}
            self._answers = {}

"""Ask many nodes at once."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Generic, TypeVar

from clusterkit.errors import ClusterkitError, NodesFailed

MAX_WORKERS = 64
"""How many nodes are worked on at once; each has one connection."""

T = TypeVar("T")


def on_each(
    nodes: Iterable[str],
    ask: Callable[[str], T],
    on_interrupt: Callable[[], Collection[str] | None] | None = None,
) -> Mapping[str, T | ClusterkitError]:
    """Ask many nodes at once; an error is an answer like any other, in the order of ``nodes``.

    Interrupted, it asks no more nodes, calls ``on_interrupt``, and waits for those under way, but
    for the nodes that it returns: they do not answer. Without it, nothing changes on the nodes,
    and nobody waits for them.
    """
    asking = _Asking(list(dict.fromkeys(nodes)), ask)
    try:
        return asking.to_the_end()
    except KeyboardInterrupt:
        unheard = set(asking.stop())
        if on_interrupt is not None:
            silent = on_interrupt() or ()
            asking.wait_for_all_but(silent)
            unheard = unheard & set(silent) | set(asking.stop())
        raise KeyboardInterrupt(*sorted(unheard)) from None


class _Asking(Generic[T]):
    """Threads that end with the program: one that waits for a frozen machine holds up nobody."""

    def __init__(self, names: list[str], ask: Callable[[str], T]) -> None:
        self._names, self._ask = names, ask
        self._waiting = deque(names)
        self._under_way: set[str] = set()
        self._answers: dict[str, T | ClusterkitError] = {}
        self._fault: BaseException | None = None
        self._changed = threading.Condition()

    def to_the_end(self) -> Mapping[str, T | ClusterkitError]:
        """All answers; what is no answer but a fault is raised once all are done."""
        for _ in range(min(MAX_WORKERS, len(self._names))):
            threading.Thread(target=self._work, daemon=True).start()
        self.wait_for_all_but(())
        if self._fault is not None:
            raise self._fault
        return {name: self._answers[name] for name in self._names}

    def stop(self) -> list[str]:
        """Ask no more nodes; those that were asked, and have not answered."""
        with self._changed:
            self._waiting.clear()
            return list(self._under_way)

    def wait_for_all_but(self, silent: Collection[str]) -> None:
        """Wait until nobody else is waiting, or waited for."""
        with self._changed:
            self._changed.wait_for(
                lambda: not self._waiting and self._under_way <= frozenset(silent)
            )

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._waiting:
                    return
                node = self._waiting.popleft()
                self._under_way.add(node)
            answer: T | ClusterkitError | None = None
            fault: BaseException | None = None
            try:
                answer = self._ask(node)
            except ClusterkitError as error:
                answer = error
            except BaseException as error:  # who asked must hear of it
                fault = error
            with self._changed:
                self._under_way.discard(node)
                if fault is not None:
                    self._fault = self._fault or fault
                    self._waiting.clear()
                else:
                    self._answers[node] = answer  # type: ignore[assignment]  # None is a T here
                self._changed.notify_all()


def raise_failures(answers: Mapping[str, object]) -> None:
    """Raise what failed: one error as it is if it was the only node asked, else all together."""
    failures = {
        node: error for node, error in answers.items() if isinstance(error, ClusterkitError)
    }
    if len(failures) == len(answers) == 1:
        raise next(iter(failures.values()))
    if failures:
        raise NodesFailed(failures, succeeded=len(answers) - len(failures))

"""Ask many nodes at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from clusterkit.errors import ClusterkitError, NodesFailed

MAX_WORKERS = 64
"""How many nodes are worked on at once; each has one connection."""

T = TypeVar("T")


def on_each(
    nodes: Iterable[str], ask: Callable[[str], T], on_interrupt: Callable[[], None] | None = None
) -> Mapping[str, T | ClusterkitError]:
    """Ask many nodes at once; an error is an answer like any other, in the order of ``nodes``.

    Interrupted, it asks no more nodes, calls ``on_interrupt``, and waits for those under way.
    """
    names = list(nodes)

    def answer(node: str) -> T | ClusterkitError:
        try:
            return ask(node)
        except ClusterkitError as error:
            return error

    with ThreadPoolExecutor(max(1, min(MAX_WORKERS, len(names)))) as pool:
        try:
            return dict(zip(names, pool.map(answer, names), strict=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            if on_interrupt is not None:
                on_interrupt()
            raise


def raise_failures(answers: Mapping[str, object]) -> None:
    """Raise what failed: one error as it is if it was the only node asked, else all together."""
    failures = {
        node: error for node, error in answers.items() if isinstance(error, ClusterkitError)
    }
    if len(failures) == len(answers) == 1:
        raise next(iter(failures.values()))
    if failures:
        raise NodesFailed(failures, succeeded=len(answers) - len(failures))

"""How fast tokens came lately."""

from __future__ import annotations

from collections import deque

_WINDOW_S = 5.0
_APART_S = 0.25


class Rate:
    """Tokens per second over the last five seconds, from a count that only grows."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, now: float, tokens: int) -> None:
        """Note the count; often enough is a few times a second."""
        if self._seen and now - self._seen[-1][0] < _APART_S:
            return
        self._seen.append((now, tokens))
        while now - self._seen[0][0] > _WINDOW_S:
            self._seen.popleft()

    def per_second(self, now: float, tokens: int) -> float:
        """The rate up to now."""
        if not self._seen or now <= self._seen[0][0]:
            return 0.0
        since, before = self._seen[0]
        return round((tokens - before) / (now - since), 2)

"""Say what a compilation that failed needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def explained(request: dict[str, Any]) -> Iterator[None]:
    """Run what is inside; where it fails in a known way, say so with what would mend it."""
    yield

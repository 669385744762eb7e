"""Memory of the machine that a rank has freed goes back at once."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_BLOCK_BYTES = 128 * 1024
"""glibc's own beginning; from this size on a block is a mapping of its own."""


def give_back_large_blocks() -> None:
    """Keep glibc from raising the size from which freed blocks go back.

    It would, with the first prompt that ends: from then on keys and values of rows that come and
    go lie in one heap with all else, which keeps what it has ever needed, and grows for hours.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none, and gives large blocks back anyway
        mallopt(_M_MMAP_THRESHOLD, _BLOCK_BYTES)

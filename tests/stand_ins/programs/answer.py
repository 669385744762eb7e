"""The answer of a stand-in: a sentence that only comes out where every rank took part."""

from __future__ import annotations

import zlib


def share(prompt: str, rank: int) -> int:
    """What one rank adds."""
    return (rank + 1) * zlib.crc32(prompt.encode())


def answer(prompt: str, ranks: int, total: int) -> str:
    """With a line break and quotes, as answers have them; ``total`` is the sum over the ranks."""
    return f'You said "{prompt}".\n{ranks} ranks add up to {total}.'


def expected(prompt: str, ranks: int) -> str:
    """For tests: what all ranks together answer."""
    return answer(prompt, ranks, sum(share(prompt, rank) for rank in range(ranks)))

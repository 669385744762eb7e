"""What TensorRT-LLM's own messages mean: cause and fix of the failures that others had before."""

from __future__ import annotations


def explain(log: str) -> str | None:
    """Cause and fix, from the log of the rank that failed first; None: it is none of these."""
    raise NotImplementedError

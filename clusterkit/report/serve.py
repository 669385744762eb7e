"""``serve`` when it is ready."""

from __future__ import annotations

import json

from rich.text import Text

from clusterkit.quantities import counted, duration
from clusterkit.report.folding import fold
from clusterkit.report.tables import FAINT, Blocks
from clusterkit.results.serve import ServeResult


def serve_text(result: ServeResult, *, wide: bool = False) -> Blocks:
    """The URL alone: for programs, and for people to copy."""
    del wide
    return [result.url]


def serve_help(result: ServeResult) -> Text:
    """For people, on stderr: who serves what, and how to ask it."""
    nodes = fold(dict.fromkeys(rank.node for rank in result.ranks))
    how = _by_triton(result) if result.grpc else _by_openai(result)
    return Text(
        f"{result.model} answers after {duration(result.ready_s)}: "
        f"{counted(len(result.ranks), 'rank')} ({nodes}), tp={result.tp} pp={result.pp}\n"
        f"  {how}\n"
        f"{_end(result)}",
        FAINT,
    )


def _end(result: ServeResult) -> str:
    stop = f"`clusterkit stop {result.job}`"
    return f"It runs on, until {stop}" if result.detached else f"Ctrl-C ends it, or {stop}"


def _by_openai(result: ServeResult) -> str:
    asked = json.dumps({"model": result.model, "prompt": "Hello", "max_tokens": 16})
    return f"curl {result.url}/v1/completions -H 'Content-Type: application/json' -d '{asked}'"


def _by_triton(result: ServeResult) -> str:
    return f"clusterkit infer --prompt Hello   # or any client of Triton: gRPC at {result.grpc}"

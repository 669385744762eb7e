"""``serve`` when it is ready, and ``proxy``."""

from __future__ import annotations

import json

from rich.text import Text

from clusterkit.quantities import counted, duration
from clusterkit.report.folding import fold
from clusterkit.report.tables import FAINT, Blocks
from clusterkit.results.serve import ProxyResult, ServeResult


def serve_text(result: ServeResult, *, wide: bool = False) -> Blocks:
    """The URL alone: for programs, and for people to copy."""
    del wide
    return [result.url]


def serve_help(result: ServeResult) -> Text:
    """For people, on stderr: who serves what, and how to ask it."""
    nodes = fold(dict.fromkeys(rank.node for rank in result.ranks))
    copies = f"{counted(result.replicas, 'replica')} of " if result.replicas > 1 else ""
    ranks = counted(len(result.ranks) // result.replicas, "rank")
    how = _by_triton(result) if result.grpc else _by_openai(result)
    return Text(
        f"{result.model} answers after {duration(result.ready_s)}: "
        f"{copies}{ranks} ({nodes}), tp={result.tp} pp={result.pp}\n"
        f"  {how}\n"
        f"{_proxied(result)}{_end(result)}",
        FAINT,
    )


def proxy_text(result: ProxyResult, *, wide: bool = False) -> Blocks:
    """The URL alone."""
    del wide
    return [result.url]


def proxy_help(result: ProxyResult) -> Text:
    """For people, on stderr: how long it leads there."""
    grpc = f"; gRPC at {result.grpc}" if result.grpc else ""
    return Text(f"It leads to {result.job}{grpc}, until Ctrl-C; the server runs on then", FAINT)


def _end(result: ServeResult) -> str:
    stop = f"`clusterkit stop {result.job}`"
    return f"It runs on, until {stop}" if result.detached else f"Ctrl-C ends it, or {stop}"


def _proxied(result: ServeResult) -> str:
    """Of a server that this machine reaches by a tunnel only."""
    if result.via != "proxy":
        return ""
    return f"From here the URL works while `clusterkit proxy {result.job}` runs\n"


def _by_openai(result: ServeResult) -> str:
    asked = json.dumps({"model": result.model, "prompt": "Hello", "max_tokens": 16})
    return f"curl {result.url}/v1/completions -H 'Content-Type: application/json' -d '{asked}'"


def _by_triton(result: ServeResult) -> str:
    return f"clusterkit infer --prompt Hello   # or any client of Triton: gRPC at {result.grpc}"

"""``bench net``: two matrices, from the node of the row to that of the column."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from clusterkit.quantities import counted, duration, size
from clusterkit.report.tables import BAD, FAINT, GOOD, NOTHING, Block, Blocks, table
from clusterkit.results.bench import BenchLink, BenchNetResult

_FAIR = "yellow"
_GOOD_FROM, _FAIR_FROM = 0.75, 0.5
_MOST_COLUMNS = 16
_SLOW, _SLOWEST, _NEITHER = "!", "*", ""
Show = Callable[[BenchLink], Text]


def bench_net_text(bench: BenchNetResult, *, wide: bool = False) -> Blocks:
    """The matrices, and the links that are slow; many nodes have a row each, unless ``wide``."""
    if len(bench.nodes) <= _MOST_COLUMNS or wide:
        blocks = [
            *_matrix("LATENCY, µs", bench, lambda link: _latency(link, bench)),
            "",
            *_matrix("BANDWIDTH, MiB/s", bench, lambda link: _bandwidth(link, bench)),
        ]
    else:
        blocks = [_rows(bench)]
    return [*blocks, "", *_verdict(bench)]


def _matrix(title: str, bench: BenchNetResult, show: Show) -> list[Block]:
    links = {(link.source, link.target): link for link in bench.links}
    rows = table(title, *bench.nodes, right=bench.nodes, whole=[title])
    for source in bench.nodes:
        cells = [
            show(links[source, target]) if source != target else Text(NOTHING, FAINT)
            for target in bench.nodes
        ]
        rows.add_row(f"from {source}", *cells)
    return [rows]


def _rows(bench: BenchNetResult) -> Block:
    """The best and the worst from each node."""
    rows = table("FROM", "SLOWEST TO", "MiB/s", "FASTEST TO", "MiB/s ", whole=["FROM"])
    for node in bench.nodes:
        links = sorted(
            (link for link in bench.links if link.source == node),
            key=lambda link: link.bandwidth_bytes_per_s,
        )
        least, most = links[0], links[-1]
        worst, best = _bandwidth(least, bench), _bandwidth(most, bench)
        rows.add_row(node, least.target, worst, most.target, best)
    return rows


def _latency(link: BenchLink, bench: BenchNetResult) -> Text:
    return _cell(f"{link.latency_s * 1e6:.0f}", bench.median_latency_s / link.latency_s, _NEITHER)


def _bandwidth(link: BenchLink, bench: BenchNetResult) -> Text:
    value = link.bandwidth_bytes_per_s
    mark = _SLOWEST if (link.source, link.target) == bench.slowest else _NEITHER
    return _cell(f"{value / (1 << 20):.0f}", value / bench.median_bandwidth_bytes_per_s, mark)


def _cell(value: str, ratio: float, mark: str) -> Text:
    """A value beside the median: its colour says no more than its mark and the legend do."""
    if ratio >= _GOOD_FROM:
        style = GOOD
    elif ratio >= _FAIR_FROM:
        style = _FAIR
    else:
        style, mark = BAD, mark if mark == _SLOWEST else _SLOW
    return Text(mark + value, style)


def _verdict(bench: BenchNetResult) -> list[Block]:
    """Which links are slow, which is the slowest, and how this was measured."""
    slow = sorted(
        (link for link in bench.links if link.is_slow), key=lambda link: link.bandwidth_bytes_per_s
    )
    lines = [Text.assemble((f"{_SLOW} ", BAD), _slow_text(link, bench)) for link in slow]
    least = next(link for link in bench.links if (link.source, link.target) == bench.slowest)
    median = f"median {size(round(bench.median_bandwidth_bytes_per_s))}/s"
    rate = f"{size(round(least.bandwidth_bytes_per_s))}/s"
    line = f"{_SLOWEST} slowest: {least.source} -> {least.target}, {rate}; {median}"
    count = len(bench.nodes) * (len(bench.nodes) - 1) // 2
    how = "one at a time" if bench.pairs_at_once == 1 else f"up to {bench.pairs_at_once} at once"
    largest = size(least.bandwidths[-1].size_bytes)
    tail = f"{counted(count, 'pair')}, {how} · medians, messages of {largest}"
    return [*lines, line, Text(f"{tail} · {duration(bench.took_s)}", FAINT)]


def _slow_text(link: BenchLink, bench: BenchNetResult) -> str:
    part = link.bandwidth_bytes_per_s / bench.median_bandwidth_bytes_per_s
    rate = f"{size(round(link.bandwidth_bytes_per_s))}/s"
    return f"slow: {link.source} -> {link.target}, {rate}, {part:.0%} of the median"

from __future__ import annotations

import io
from itertools import permutations
from typing import Any

from rich.console import Console

from clusterkit.report.bench_net import bench_net_text
from clusterkit.results.bench import BenchNetResult
from clusterkit.use_cases.bench_net import measured
from tests.unit.report.streams import shown, text

MIB = 1 << 20


def bench(names: list[str], rates: dict[str, float]) -> BenchNetResult:
    """Links of 1000 MiB/s and 20 µs, but for ``rates``, which name a link as ``0-2``."""
    answers: list[tuple[int, dict[str, Any]]] = []
    for source, target in permutations(range(len(names)), 2):
        rate = rates.get(f"{source}-{target}", 1000.0) * MIB
        row = {"peer": target, "latency_s": 2e-5, "bandwidths": [[MIB, 1.0], [8 * MIB, rate]]}
        answers.append((source, row))
    return measured("trio", names, answers, took_s=4.25)


def test_a_matrix_of_few_nodes_names_the_slow_links() -> None:
    result = bench(["node1", "node2", "node3"], {"0-2": 24.0, "1-2": 300.0, "1-0": 600.0})

    assert shown(result) == text("""
        LATENCY, µs  node1  node2  node3
        from node1       -     20     20
        from node2      20      -     20
        from node3      20     20      -

        BANDWIDTH, MiB/s  node1  node2  node3
        from node1            -   1000    *24
        from node2          600      -   !300
        from node3         1000   1000      -

        ! slow: node1 -> node3, 24.0 MiB/s, 3% of the median
        ! slow: node2 -> node3, 300 MiB/s, 38% of the median
        * slowest: node1 -> node3, 24.0 MiB/s; median 800 MiB/s
        3 pairs, one at a time · medians, messages of 8.0 MiB · 4.2 s
        """)


def test_a_row_for_each_of_many_nodes() -> None:
    names = [f"n{number}" for number in range(1, 21)]

    lines = shown(bench(names, {"1-2": 100.0})).splitlines()

    assert lines[:3] == [
        "FROM  SLOWEST TO  MiB/s  FASTEST TO  MiB/s",
        "n1    n2          1000   n20         1000",
        "n2    n3          *100   n20         1000",
    ]
    assert lines[-1] == "190 pairs, up to 10 at once · medians, messages of 8.0 MiB · 4.2 s"


def test_colours_on_a_terminal() -> None:
    result = bench(["a", "b", "c"], {"0-1": 100.0, "0-2": 600.0})
    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", width=80)

    console.print(bench_net_text(result)[2])

    written = console.file.getvalue()  # type: ignore[attr-defined]
    colours = {"\x1b[32m1000": "good", "\x1b[33m 600": "fair", "\x1b[1;31m*100": "bad"}
    assert {name for sign, name in colours.items() if sign in written} == {"good", "fair", "bad"}


def test_every_size_is_kept() -> None:
    result = bench(["a", "b"], {"0-1": 10.0})

    assert [(link.source, link.is_slow) for link in result.links] == [("a", True), ("b", False)]
    assert [each.size_bytes for each in result.links[0].bandwidths] == [MIB, 8 * MIB]
    assert (result.slowest, result.pairs_at_once) == (("a", "b"), 1)

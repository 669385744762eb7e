"""The table of ratios, on the terminal and in docs/benchmarks.md."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.race import Row

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_BEGIN = "<!-- written by `make bench`: begin -->"
_END = "<!-- written by `make bench`: end -->"
_FIRST = f"""\
# Benchmarks

## Side by side with peers
`make bench` runs clusterkit and a peer in turn on one machine, in pairs, each after one warm-up, and compares the two of each
pair: so what else the machine does meets both. It writes the table; times are medians, in brackets the middle half.

- `clusterkit --help`, `check`: beside the start of Python with the two libraries that every verb needs.
- `up`: from a ready image, beside docker-compose with the same containers: image, network with subnet and addresses, host
  names, init, volume, and an sshd whose configuration and keys were made before. Ours makes the keys as well, logs in to
  every node, writes its files and looks at what it has. "Again" is the second run, which finds nothing to do.
- `mpi-hello` and `infer`: beside a bare `mpirun` of the same payload, with the same input, on the same nodes. It is started on
  the head by `docker exec`, reaches the other node with the cluster's own ssh configuration, and pins its traffic as ours
  does. Ours includes all: the start of clusterkit, its connections, the supervisor, the agents, the look for leftovers.

{_BEGIN}
{_END}
"""
_HEAD = "| what | ours | peer | peer's time | result | target | met | runs |"


def table(rows: Sequence[Row]) -> str:
    """One line for each comparison."""
    return "\n".join([_HEAD, "|" + "---|" * _HEAD.count("| "), *map(_line, rows)])


def measured_on(machine: Sequence[tuple[str, str]]) -> str:
    """The machine and the versions, in one line."""
    return "Measured on: " + " · ".join(f"{name} {value}" for name, value in machine) + "."


def write(text: str) -> None:
    """Put ``text`` between the markers of the page; the rest is written by hand, and stays."""
    page = PAGE.read_text() if PAGE.exists() else _FIRST
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise SystemExit(f"{PAGE}: no markers. Fix: put back the lines {_BEGIN} and {_END}")
    PAGE.write_text(f"{before}{begin}\n{text}\n{end}{after}")


def _line(row: Row) -> str:
    met = {True: "yes", False: "no", None: ""}[row.is_met]
    limit = row.target.limit
    cells = (
        row.what,
        _spread(row.ours_s),
        f"`{row.peer}`",
        _spread(row.peer_s),
        row.target.shown(row.result),
        "" if limit is None else f"≤ {row.target.shown(limit)}",
        met,
        str(len(row.ours_s)),
    )
    return "| " + " | ".join(cells) + " |"


def _spread(seconds: Sequence[float]) -> str:
    """The median, and between what the middle half lies."""
    low, middle, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return f"{middle:.3f} s ({low:.3f} to {high:.3f})"

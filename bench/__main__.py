"""`python -m bench [NAME…]`: run some benchmarks, or all, and print one table.

Only a whole run writes docs/benchmarks.md, so that all figures of a table there are from one run.
What takes longer than all others together, or needs a quiet machine, is a table of its own, and
runs only where it is named.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from bench.distribution import distribution
from bench.fanout import fanout
from bench.jobs import hello, infer
from bench.machine import machine
from bench.page import PAGE, measured_on, table, write
from bench.race import Row
from bench.serve import serve
from bench.start import start
from bench.up import up
from bench.up_ssh import up_ssh

BENCHES: dict[str, Callable[[], list[Row]]] = {
    "start": start,
    "up": up,
    "hello": hello,
    "infer": infer,
    "fanout": fanout,
    "up-ssh": up_ssh,
}
APART = {"engines-push": distribution, "serve": serve}
"""Each a table of its own."""


def main() -> None:
    """Run what is named, in the order of the table."""
    known = {**BENCHES, **APART}
    wanted = sys.argv[1:] or list(BENCHES)
    if unknown := [name for name in wanted if name not in known]:
        sys.exit(f"no benchmark named {', '.join(unknown)}. Fix: use {', '.join(known)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # take down what is up, as Ctrl-C does
    rows: list[Row] = []
    for name, bench in known.items():
        if name in wanted:
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += (found := bench())
            print(table(found), flush=True)
    text = f"{table(rows)}\n\n{measured_on(machine())}"
    print(f"\n{text}")
    apart = [(f"python -m bench {name}", {name}) for name in APART]
    for command, whole in (("make bench", set(BENCHES)), *apart):
        if set(wanted) == whole:
            write(text, command)
            print(f"written to {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""`python -m bench [NAME…]`: run some benchmarks, or all, and print one table.

Only a whole run writes docs/benchmarks.md, so that all figures of a table there are from one run.
What takes longer than all others together is a table of its own, and runs only where it is named.
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
LONG = {"engines-push": distribution}
"""About 40 minutes: gigabytes over slow links."""


def main() -> None:
    """Run what is named, in the order of the table."""
    known = {**BENCHES, **LONG}
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
    for command, whole in (("make bench", BENCHES), ("python -m bench engines-push", LONG)):
        if set(wanted) == set(whole):
            write(text, command)
            print(f"written to {PAGE}", file=sys.stderr)


if __name__ == "__main__":
    main()

"""`make soak`: many jobs in a row, most with a fault by chance; what has grown by then.

SOAK_JOBS is how many (200), SOAK_SEED which chance (1). Then a server under load (soak_serve.py);
``make soak ARGS=jobs`` or ``ARGS=serve`` is one of the two.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import docker

from bench.machine import machine
from bench.page import measured_on
from clusterkit.errors import ClusterkitError
from tests.faults import breaking, soak_serve
from tests.faults.breaking import lab, signalled
from tests.faults.case import Breaks
from tests.faults.counted import counts
from tests.faults.page import write
from tests.faults.room import Room, room
from tests.faults.verbs import ENDS, RUN

_REPOSITORY = Path(__file__).resolve().parents[2]
_WARM_UP = 3
_ABOUT = "<how many>"
_SETTLES_WITHIN_S = 20.0
_LOOKS_EVERY = 10
"""So many jobs; what is interrupted leaves what it has counted."""

FAULTS: dict[str, Breaks | None] = {
    "none": None,
    "rank SIGKILLed": lab("kill-rank", "1"),
    "first rank SIGKILLed": lab("kill-rank", "0"),
    "node killed": lab("kill-node", "node2"),
    "head killed": lab("kill-node", "node1"),
    "node paused": lab("pause", "node3"),
    "node cut": lab("cut", "node2"),
    "partition": lab("partition", "node1", "node3"),
    "slow": lab("slow", "node2", "1mbit"),
    "sshd silent": lab("drop-ssh", "node2"),
    "Ctrl-C": signalled(signal.SIGINT),
    "Ctrl-C twice": signalled(signal.SIGINT, signal.SIGINT),
    "controller SIGKILLed": signalled(signal.SIGKILL),
    "controller's network gone": breaking.no_controllers_network,
}
ENDS_BY_ITSELF = ("slow", "sshd silent")
"""After these a job goes on: it is interrupted."""

SLACK = {"nodes: memory, KiB": 3 * 4096, "nodes: open-files": 6}
"""What may differ from one look to the next; of everything else there may be no more."""

KEPT = ("nodes: jobs-on-file",)
"""What grows by design: the head keeps the records of its last 100 jobs."""


def main() -> int:
    """Run what is named, or all."""
    parts = {"jobs": jobs, "serve": soak_serve.main}
    wanted = sys.argv[1:] or list(parts)
    if unknown := [name for name in wanted if name not in parts]:
        sys.exit(f"no soak named {', '.join(unknown)}. Fix: use {' or '.join(parts)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # take the lab down, as Ctrl-C does
    # What a shell starts in the background ignores Ctrl-C, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return max([parts[name]() for name in wanted])


def jobs() -> int:
    """Run the jobs, print the table, and write it."""
    number, seed = int(os.environ.get("SOAK_JOBS", "200")), int(os.environ.get("SOAK_SEED", "1"))
    argv = [sys.executable, "images/build.py", "lab-mpi"]
    built = subprocess.run(argv, cwd=_REPOSITORY, stdout=subprocess.PIPE)
    engine = docker.from_env(timeout=60)
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as folder,
        room(engine, Path(folder), built.stdout.decode().split()[-1]) as made,
    ):
        for _ in range(_WARM_UP):
            made.controller(*ENDS)
        text, is_well = soak(made, number, seed, measured_on(machine()))
    engine.close()
    print(text)
    return 0 if is_well else 1


def soak(made: Room, jobs: int, seed: int, where: str) -> tuple[str, bool]:
    """What came of it all, and whether nothing has grown."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated, not to be secret
    began, before = time.monotonic(), counts(made)
    largest_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    did: Counter[str] = Counter()
    wrong: list[str] = []
    text, is_well = "", True
    for number in range(1, jobs + 1):
        name = chance.choice(list(FAULTS))
        did[name] += 1
        print(f"{number}/{jobs} {name}", file=sys.stderr, flush=True)
        try:
            wrong += [f"job {number} ({name}): {each}" for each in one_job(made, name)]
        except (ClusterkitError, RuntimeError) as error:  # of the harness: the fault was not made
            wrong.append(f"job {number} ({name}): {error}")
            if made.verb is not None:
                made.verb.end(1)
            made.mended()
        if number % _LOOKS_EVERY == 0 or number == jobs:
            minutes = (time.monotonic() - began) / 60
            about = f"{number} jobs in {minutes:.0f} minutes, seed {seed}"
            text, is_well = found(made, before, largest_kib, did, wrong)
            text = text.replace(_ABOUT, about)
            write(f"{text}\n\n{where}", "make soak")
    return text, is_well


def found(
    made: Room,
    before: dict[str, int],
    largest_kib: int,
    did: Counter[str],
    wrong: list[str],
) -> tuple[str, bool]:
    """The table, and whether nothing has grown."""
    after, until = counts(made), time.monotonic() + _SETTLES_WITHIN_S
    while time.monotonic() < until and not all(_is_well(n, before[n], after[n]) for n in before):
        time.sleep(0.5)  # what the last job began may be ending
        after = counts(made)
    grown_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - largest_kib
    rows = [
        (name, before[name], after[name], _is_well(name, before[name], after[name]))
        for name in before
    ]
    rows.append(("controller: largest process, KiB", largest_kib, largest_kib + grown_kib, True))
    lines = ["| what | before | after | |", "|---|---|---|---|"]
    lines += [f"| {name} | {a} | {b} | {_verdict(name, well)} |" for name, a, b, well in rows]
    faults = ", ".join(f"{name} {count}" for name, count in sorted(did.items()))
    said = "\n".join(f"- FAIL: {each}" for each in wrong) or "Every job ended as it must."
    text = "\n".join(lines)
    text += f"\n\n{_ABOUT}: {faults}. {said}"
    return text, not wrong and all(well for *_, well in rows)


def one_job(made: Room, name: str) -> list[str]:
    """Run one job with one fault; what was not as it must be."""
    breaks = FAULTS[name]
    before = made.look()
    if breaks is None:
        done = made.controller(*ENDS)
        return [] if done.returncode == 0 else [f"exit {done.returncode}: {done.stderr[-200:]}"]
    made.verb = verb = made.start(*RUN)
    if not verb.until(lambda text: text.count("waits") == made.nodes, 90):
        verb.end(1)
        return [f"did not start: {verb.text[-200:]}"]
    with breaks(made):
        if name in ENDS_BY_ITSELF:
            time.sleep(1)
            os.killpg(verb.process.pid, signal.SIGINT)
        code = verb.end(60)
    wrong = [] if code not in (0, None) else [f"exit {code}"]
    if left := made.left(before):
        wrong.append(f"left: {left}")
        made.mended()
    return wrong


def _is_well(name: str, before: int, after: int) -> bool:
    return name in KEPT or after <= before + SLACK.get(name, 0)


def _verdict(name: str, well: bool) -> str:
    return "kept by design" if name in KEPT else "ok" if well else "FAIL"


if __name__ == "__main__":
    sys.exit(main())

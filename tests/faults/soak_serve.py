"""`make soak ARGS=serve`: a server on two containers under load for minutes; what has grown.

SOAK_MINUTES is how long (5), SOAK_CLIENTS how many ask at once (24: more than have a place).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import docker
import httpx2

from bench.machine import machine
from bench.page import measured_on
from tests.e2e.controller import REPOSITORY
from tests.e2e.model import built_model, free_port
from tests.e2e.serving import MODEL, Serving, containers, text_of
from tests.faults import load
from tests.faults.held import Held, Watch
from tests.faults.load import Heard
from tests.faults.page import write

_SETTLE_S = 60
"""Until then memory grows to what so many requests need."""
_GROWTH = 1.02
_REST_S = 10
_ENDED_WELL = ("200", "499")
"""Answered; and left by the generator, which ends while some are answered."""


def main() -> int:
    """Serve, load, look, and write the page."""
    seconds = round(60 * float(os.environ.get("SOAK_MINUTES", "5")))
    clients = int(os.environ.get("SOAK_CLIENTS", "24"))
    program = load.guidellm()
    argv = [sys.executable, "images/build.py", "cpu"]
    built = subprocess.run(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)
    engine = docker.from_env(timeout=60)
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as made,
        containers(2, built.stdout.split()[-1], Path(made), engine, pp=2) as pair,
    ):
        serving = Serving(pair, "--port", free_port())
        text, is_well = soak(serving, program, Path(made), clients=clients, seconds=seconds)
        said = serving.end()
        if serving.process.returncode != 130:
            text, is_well = f"{text}\n- FAIL: it ended with {said}", False
    engine.close()
    where = f"guidellm {load.VERSION}. {measured_on(machine())}"
    write(f"{text}\n\n{where}", "make soak ARGS=serve")
    print(text)
    return 0 if is_well else 1


def soak(
    serving: Serving, program: Path, folder: Path, *, clients: int, seconds: int
) -> tuple[str, bool]:
    """What came of it, and whether all was answered and nothing has grown."""
    url = serving.ready["url"]
    before = text_of(url)
    watch = Watch(serving)
    watch.look()
    watch.start()
    loading = load.start(
        program,
        url,
        model=MODEL,
        tokenizer=Path(built_model().folder),
        clients=clients,
        seconds=seconds,
        to=folder,
    )
    said, _ = loading.communicate(timeout=seconds + 300)
    watch.stop()
    time.sleep(_REST_S)
    watch.look()
    if loading.returncode:
        raise RuntimeError(f"guidellm exited with {loading.returncode}:\n{said[-4000:]}")
    heard = load.read(folder)
    wrong = [f"{name}: {why}" for name, looks in watch.seen.items() for why in grown(looks)]
    wrong += unwell(url, heard)
    if text_of(url) != before:
        wrong.append("it answers otherwise than before")
    lines = [_told(heard, clients, seconds), "", *_table(watch.seen), ""]
    lines += [f"- FAIL: {each}" for each in wrong] or ["Nothing was refused, and nothing grew."]
    return "\n".join(lines), not wrong


def unwell(url: str, heard: Heard) -> list[str]:
    """What was not answered as it must be, by both sides' count."""
    wrong = [] if heard.answered and not heard.errors else [f"guidellm: {heard}"]
    metrics = httpx2.get(f"{url}/metrics", trust_env=False).text.splitlines()
    asked = [line for line in metrics if line.startswith("clusterkit_requests_total{")]
    wrong += [line for line in asked if not any(f'status="{n}"' in line for n in _ENDED_WELL)]
    held = ("clusterkit_requests_running ", "clusterkit_requests_queued ")
    wrong += [line for line in metrics if line.startswith(held) and float(line.split()[1])]
    return wrong


def grown(looks: Sequence[Held]) -> list[str]:
    """What one process has more of than after the first minute, or at rest than before."""
    first, rest = looks[0], looks[-1]
    settled = [look for look in looks[:-1] if look.at_s >= _SETTLE_S]
    if len(settled) < 2:
        raise ValueError("nothing was seen after the first minute: SOAK_MINUTES is too short")
    half = len(settled) // 2
    early, late = (max(look.rss_kib for look in part) for part in (settled[:half], settled[half:]))
    wrong = []
    if late > early * _GROWTH:
        wrong.append(f"memory grew from {early} to {late} KiB after the first minute")
    if rest.open_files > first.open_files:
        wrong.append(f"{first.open_files} open files before, {rest.open_files} after")
    if rest.sockets > first.sockets:
        wrong.append(f"{first.sockets} sockets before, {rest.sockets} after")
    return wrong


def _told(heard: Heard, clients: int, seconds: int) -> str:
    return (
        f"{clients} clients at once for {seconds} s: {heard.answered} requests answered, "
        f"{heard.errors} errors, {heard.cut} cut off when the time was over; "
        f"{heard.tokens} tokens, {heard.tokens_per_s:.1f} a second; "
        f"medians: first token after {heard.first_token_s:.2f} s, "
        f"then {1000 * heard.token_s:.0f} ms each."
    )


def _table(seen: dict[str, list[Held]]) -> list[str]:
    """Memory over time, minute by minute, and what else is held before, meanwhile and after."""
    minutes = int(max(looks[-2].at_s for looks in seen.values()) // 60)
    head = ["before", *(f"{number} min" for number in range(1, minutes + 1)), "after"]
    what = "open files, before / most / after"
    lines = [f"| memory, MiB | {' | '.join(head)} | {what} | sockets | threads |"]
    lines.append("|" + "---|" * (len(head) + 4))
    for name, looks in seen.items():
        marks = [60 * number for number in range(minutes + 1)]
        chosen = [next(look for look in looks if look.at_s >= mark) for mark in marks]
        cells = [f"{look.rss_kib / 1024:.0f}" for look in (*chosen, looks[-1])]
        for field in ("open_files", "sockets", "threads"):
            values = [getattr(look, field) for look in looks]
            cells.append(f"{values[0]} / {max(values)} / {values[-1]}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


if __name__ == "__main__":
    sys.exit(main())

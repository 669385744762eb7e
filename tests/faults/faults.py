"""`python -m tests.faults [--write] [NAME…]`: run some cases, or all, and print one table.

A run of all writes docs/reliability.md, as does one of some with `--write`: their rows take the
place of former ones. Each says when it was measured, and under which load.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import docker

from bench.machine import machine
from bench.page import measured_on
from tests.faults.case import Case, Outcome
from tests.faults.cases import CASES
from tests.faults.own_engine import own_engine
from tests.faults.page import Rows, kept_rows, key_of, line_of, table, write
from tests.faults.room import Room, room
from tests.faults.runner import run_case

_REPOSITORY = Path(__file__).resolve().parents[2]


def main() -> int:
    """Run what is named, in the order of the table; a name may be the beginning of several."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # take the lab down, as Ctrl-C does
    # What a shell starts in the background ignores Ctrl-C, and so would all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    wanted = [word for word in sys.argv[1:] if word != "--write"]
    writes = not wanted or "--write" in sys.argv
    cases = [case for case in CASES if not wanted or _is_named(case, wanted)]
    if not cases:
        sys.exit(f"no case begins so. Fix: use {', '.join(case.name for case in CASES)}")
    built = subprocess.run(
        [sys.executable, "images/build.py", "lab"], cwd=_REPOSITORY, stdout=subprocess.PIPE
    )
    image = built.stdout.decode().split()[-1]
    outcomes: list[Outcome] = []
    where = measured_on(machine())
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        for lab, some in _labs(Path(folder), image, cases):
            for case in some:
                _say(f"{case.name} …")
                outcomes.append(outcome := _run(lab, case))
                _say(f"  {'; '.join(outcome.wrong) or 'ok'}")
                if outcome.wrong:
                    _say(f"  it said: {outcome.said[-800:]}\n  left: {outcome.left}")
                if writes:  # what is interrupted leaves what it has measured
                    write(_text(outcomes, where, kept_rows("make faults")), "make faults")
    print(_text(outcomes, where))
    return 1 if any(outcome.wrong for outcome in outcomes) else 0


def _is_named(case: Case, wanted: list[str]) -> bool:
    """By its whole name, or by the beginning of several."""
    names = [each.name for each in CASES]
    return any(case.name == w or (w not in names and case.name.startswith(w)) for w in wanted)


def _labs(folder: Path, image: str, cases: list[Case]) -> Iterator[tuple[Room, list[Case]]]:
    """A lab for most cases, and one for those that stop its Docker engine."""
    if usual := [case for case in cases if not case.own_engine]:
        with _client() as engine, room(engine, folder / "lab", image) as lab:
            _build(lab)
            yield lab, usual
    if others := [case for case in cases if case.own_engine]:
        with (
            own_engine(folder / "engine", image) as own,
            _client() as engine,
            room(engine, folder / "other lab", image, own=own) as lab,
        ):
            yield lab, others


def _client() -> contextlib.closing[docker.DockerClient]:
    """The engine that DOCKER_HOST names now."""
    return contextlib.closing(docker.from_env(timeout=60))


def _text(outcomes: list[Outcome], where: str, kept: Rows | None = None) -> str:
    """The table, how many cases there are, and on what they were measured."""
    measured = (kept or {}) | {key_of(each.case): line_of(each) for each in outcomes}
    rows = [measured[key_of(case)] for case in CASES if key_of(case) in measured]
    failed = sum("| FAIL" in row for row in rows)
    summary = f"{len(rows)} of {len(CASES)} cases, {failed} of them FAIL."
    return f"{table(rows)}\n\n{summary} {where}"


def _build(lab: Room) -> None:
    """What every `infer` asks."""
    done = lab.controller("build", "--model", lab.model("small"), timeout_s=300)
    if done.returncode:
        raise RuntimeError(done.stderr)


def _run(lab: Room, case: Case) -> Outcome:
    """What came of a case; where the harness itself fails, the next one gets a new lab."""
    try:
        return run_case(lab, case)
    except Exception as error:
        lab.controller("down", "--yes")
        lab.controller.close()
        lab.lab_up()
        if not case.own_engine:
            _build(lab)
        return Outcome(case, wrong=[f"the harness failed: {error!r}"])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

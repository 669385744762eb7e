"""Jobs that are left alone and come back to, as a person at a terminal has them."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.pair import Pair
from tests.e2e.running_job import within

COUNT = """\
import os, time

for number in range(6):
    print(number, flush=True)
    time.sleep(1)
"""
WAIT = "import time\n\nprint('here', flush=True)\ntime.sleep(1000)\n"
LEFT = (
    'for p in /proc/[0-9]*; do tr "\\0" "\\n" <$p/environ 2>/dev/null '
    '| grep -q "^CLUSTERKIT_JOB=" && tr "\\0" " " <$p/cmdline && echo; done; true'
)


def left(pair: Pair, *nodes: str) -> list[str]:
    """Processes of any job."""
    found = (pair.inside(node, "sh", "-c", LEFT) for node in nodes or ("node1", "node2"))
    return [line for text in found for line in text.splitlines() if line.strip()]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(COUNT)
    return path


def detach(pair: Pair, *words: object) -> str:
    done = pair("run", "--detach", *words)
    assert done.returncode == 0, done.stderr
    job = done.stdout.removesuffix("\n")
    assert re.fullmatch(r"run-\w{6}", job)
    return job


def test_a_job_is_left_alone_and_heard_from_its_beginning(pair: Pair, script: Path) -> None:
    done = pair("run", "--detach", script)
    job = done.stdout.removesuffix("\n")
    assert (done.returncode, done.stderr) == (
        0,
        f"4 ranks run on node[1-2], also without this terminal\n"
        f"  clusterkit attach {job}\n  clusterkit stop {job}\n",
    )

    heard = pair("attach")
    again = pair("attach", job)
    whole = pair.answer("attach", job)

    expected = sorted(f"rank {rank}   | {number}" for rank in range(4) for number in range(6))
    assert (heard.returncode, sorted(heard.stdout.splitlines())) == (0, expected)
    assert re.fullmatch(rf"{job} · 4 ranks on node\[1-2\] · mpirun · .*\n", heard.stderr)
    assert (again.stdout, again.stderr) == (heard.stdout, heard.stderr)
    assert (whole["job"], whole["script"]) == (job, str(script))
    assert [rank["stdout"] for rank in whole["ranks"]] == ["0\n1\n2\n3\n4\n5\n"] * 4
    assert left(pair) == []


def test_ctrl_c_leaves_the_job_running(pair: Pair, script: Path) -> None:
    script.write_text(WAIT)
    job = detach(pair, script)
    process = pair.controller.start("attach")
    assert process.stdout is not None
    for _ in range(4):
        assert process.stdout.readline().endswith("| here\n")

    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)

    assert (process.returncode, errors) == (
        130,
        f"Error: job {job} goes on.\n"
        f"Fix: `clusterkit attach {job}` follows it again, `clusterkit stop {job}` ends it\n",
    )
    assert pair.answer("status")["jobs_running"] == [job]
    assert pair("stop").returncode == 0
    ended = pair("attach", job)
    assert (ended.returncode, ended.stderr) == (1, f"Error: job {job}: stopped from elsewhere\n")
    assert left(pair) == []


FAILS = """\
import glob, os, sys, time

open(f"/shared/here-{os.environ['RANK']}", "w").close()
while len(glob.glob("/shared/here-*")) < 4:
    time.sleep(0.05)
if os.environ["RANK"] == "1":
    sys.exit("no luck")
time.sleep(1000)
"""


def test_one_job_whole(pair: Pair, script: Path) -> None:
    script.write_text(FAILS)
    failed = pair("run", script)
    assert failed.returncode == 1

    shown = pair.answer("jobs", "show")
    text = pair("jobs", "show", shown["id"]).stdout

    assert (shown["state"], shown["owner"], shown["exit_code"]) == ("failed", "controller", 1)
    assert shown["cause"] == {
        "kind": "exit-code",
        "node": "node1",
        "rank": 1,
        "exit_code": 1,
        "signal": None,
    }
    ranks = {rank["rank"]: rank for rank in shown["ranks"]}
    assert [ranks[rank]["state"] for rank in range(4)] == ["ended"] * 4
    assert (ranks[1]["exit_code"], ranks[1]["last_lines"]) == (1, ["no luck"])
    assert ranks[0]["signal"] == "SIGTERM"
    assert all(rank["pid"] > 1 for rank in shown["ranks"])
    assert f"job      {shown['id']} (run) on cluster {pair.name}\n" in text
    assert "cause    exit-code 1, rank 1, node1\n" in text
    assert "rank 1 | no luck\n" in text


def test_what_runs_is_shown_as_it_is_now(pair: Pair, script: Path) -> None:
    script.write_text(WAIT)
    job = detach(pair, script)
    shown = within(10, lambda: all_heard(pair, job))

    assert shown["state"] == "running"
    assert {rank["state"] for rank in shown["ranks"]} == {"running"}
    assert {rank["process"] for rank in shown["ranks"]} == {"S"}
    assert all(node["heard_s"] < 4 for node in shown["nodes"])
    (listed,) = [row for row in pair.answer("jobs")["jobs"] if row["id"] == job]
    assert (listed["state"], listed["owner"]) == ("running", "supervisor")
    status = pair.answer("status")
    assert (status["jobs_running"], status["job_states"]) == ([job], {job: "running"})
    assert pair("stop", job).returncode == 0


def all_heard(pair: Pair, job: str) -> dict | None:
    shown = pair.answer("jobs", "show", job)
    return shown if all(rank["process"] for rank in shown["ranks"]) else None


def test_a_container_that_is_killed_is_named_with_its_end(pair: Pair, script: Path) -> None:
    script.write_text(WAIT)
    job = detach(pair, script)
    attached = pair.controller.start("attach", job)
    assert attached.stdout is not None
    attached.stdout.readline()
    try:
        killed = time.monotonic()
        pair.container("node2").kill()
        _, errors = attached.communicate(timeout=30)
        took_s = time.monotonic() - killed
    finally:
        pair.up()

    assert attached.returncode == 1
    lines = errors.splitlines()
    assert lines[1].startswith(
        f"Error: job {job}: node2: its agent ended without a word (killed?)"
    )
    assert lines[1].endswith("; its container exited with 137 (SIGKILL)")
    assert lines[-1] == "Fix: `clusterkit up INVENTORY` has it run again"
    assert took_s < 20
    assert left(pair, "node1") == []


def test_what_cannot_be_attached(pair: Pair) -> None:
    none = pair("attach")
    unknown = pair("attach", "run-000000")
    twice = pair("run", "--restart", "1", "x.py")

    assert (none.returncode, none.stderr) == (
        2,
        "Error: no job runs on this cluster.\nFix: name one that ended; see `clusterkit jobs`\n",
    )
    assert unknown.returncode == 2
    assert "no job run-000000 on this cluster" in unknown.stderr
    assert (twice.returncode, twice.stderr) == (
        2,
        "Error: `--restart` is for a job that is detached.\n"
        "Fix: add `--detach`; a job that you wait for can be run again by hand\n",
    )


def test_the_schemas_are_those_of_the_answers(pair: Pair) -> None:
    for name, key in (("jobs-show", "ranks"), ("detached", "attach")):
        schema = json.loads(pair("schema", name).stdout)
        assert key in schema["properties"]

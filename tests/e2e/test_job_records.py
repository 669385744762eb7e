"""Jobs as others see them: on file, from elsewhere, beside each other, after a death unseen.

Here on this machine, as one node; tests/e2e/test_job_ends_on_nodes.py does it over three.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clusterkit.jobs import (
    LogLine,
    list_jobs,
    read_logs,
    stop_job,
)
from clusterkit.jobs.look import Seen, look_everywhere
from tests.e2e.local_job import (
    HERE,
    WAIT,
    MakeJob,
    run,
    sh,
    transports,
    waiting,
)
from tests.e2e.running_job import RunningJob, kill_local, local_processes, within


def test_stop_list_and_logs_from_elsewhere(make_job: MakeJob) -> None:
    job = make_job(*sh(f"echo e$RANK >&2; {WAIT}"))
    running = RunningJob(job, transports)
    running.until_all_say("waiting")
    followed: list[LogLine] = []
    follow = read_logs(job.id, job.head, HERE, followed.append, rank=1, follow=True)

    before = list_jobs(job.nodes, transports)
    within(10, lambda: len(followed) == 2)
    stopped = stop_job(job.id, job.nodes, transports)
    end = running.until_end()

    assert [(row.id, row.state, row.ranks, row.nodes) for row in before] == [
        (job.id, "running", 2, ("here",))
    ]
    assert (stopped.was_running, stopped.left, stopped.row.state) == (True, (), "stopped")
    assert (end.outcome, end.message) == ("stopped", "stopped from elsewhere")
    assert follow.wait(5) == 0
    assert sorted(followed, key=lambda line: line.stream) == [
        LogLine(1, "stderr", "e1"),
        LogLine(1, "stdout", "waiting"),
    ]
    everything: list[LogLine] = []
    read_logs(job.id, job.head, HERE, everything.append).wait(5)
    assert {(line.rank, line.text) for line in everything} >= {(0, "e0"), (1, "e1")}
    assert not stop_job(job.id, job.nodes, transports).was_running


def test_jobs_beside_each_other_do_not_meet(make_job: MakeJob) -> None:
    one = RunningJob(make_job(*sh(WAIT)), transports)
    other = RunningJob(make_job(*sh(WAIT)), transports)
    one.until_all_say("waiting")
    other.until_all_say("waiting")

    one.interrupt.press()
    assert one.until_end().leftovers == ()
    assert waiting(other.job.id) == 2
    assert {row.id: row.state for row in list_jobs(other.job.nodes, transports)} == {
        one.job.id: "interrupted",
        other.job.id: "running",
    }

    other.interrupt.press()
    assert other.until_end().outcome == "interrupted"


def test_a_job_whose_supervisor_died_unseen_is_found_out_and_swept(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job(*sh(WAIT))
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    script = "import sys; from tests.e2e.local_job import run_pickled; run_pickled(sys.argv[1])"
    controller = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "job")])
    try:
        within(20, lambda: waiting(job.id) == 2)
        kill_local(job.id, "agent", signal.SIGSTOP)
    finally:
        controller.kill()
        controller.wait()
    kill_local(job.id, "supervise")

    rows = list_jobs(job.nodes, transports)

    assert [(row.state, row.message) for row in rows] == [
        ("lost", "its supervisor ended without a word (killed?)")
    ]
    assert local_processes(job.id) == {}


@pytest.mark.parametrize("in_order", [True, False])
def test_the_last_look_finds_and_ends_what_all_others_missed(
    make_job: MakeJob, in_order: bool
) -> None:
    job = make_job(*sh("true"))
    quiet = look_everywhere(job.id, job.nodes, transports, in_order=in_order)
    missed = subprocess.Popen(
        ["sleep", "1005"],
        env={**os.environ, "CLUSTERKIT_JOB": job.id, "CLUSTERKIT_EVENTS_FD": "3"},
    )
    try:
        seen = look_everywhere(job.id, job.nodes, transports, in_order=in_order)
        missed.wait(5)
    finally:
        missed.kill()

    assert quiet == (Seen("here"),)
    assert seen == (Seen("here", found=(f"sleep 1005 (pid {missed.pid})",)),)


def test_the_state_is_on_file(make_job: MakeJob) -> None:
    job = make_job(*sh("exit 0"))

    run(job)

    state = json.loads(Path(job.head.folder(job.id), "state.json").read_text())
    assert (state["state"], state["message"]) == ("done", "done")
    assert [(rank["rank"], rank["exit_code"]) for rank in state["ranks"]] == [(0, 0), (1, 0)]

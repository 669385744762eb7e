"""A job that goes on without its controller, and what is heard of it later.

Here on this machine, as one node; tests/e2e/test_detach_on_nodes.py does it over several.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import time
from pathlib import Path

from clusterkit import events
from clusterkit.jobs import JobEnd, RankEnd, list_jobs, stop_job
from clusterkit.jobs.attach import Attached
from clusterkit.jobs.job import Job
from tests.e2e.local_job import WAIT, MakeJob, detach, run, sh, transports, waiting
from tests.e2e.running_job import kill_local, local_processes, within

COUNT = 'for i in 1 2 3 4 5 6; do echo "$i"; sleep 0.3; done'


def attach(job: Job) -> tuple[JobEnd, list[events.Event]]:
    heard: list[events.Event] = []
    return Attached(job.id, job.nodes, transports).until_end(heard.append), heard


def lines_of(heard: list[events.Event], rank: int) -> list[str]:
    return [e.text for e in heard if isinstance(e, events.RankOutput) and e.rank == rank]


def state_of(job: Job) -> dict:
    return json.loads(Path(job.head.folder(job.id), "state.json").read_text())


def test_it_goes_on_when_its_controller_is_killed(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(*sh(COUNT))
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    script = "import sys; from tests.e2e.local_job import detach_pickled as d; d(sys.argv[1])"
    controller = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "job")], stdout=subprocess.PIPE
    )
    try:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"detached\n"
    finally:
        controller.kill()
        controller.communicate()
    (row,) = list_jobs(job.nodes, transports)
    assert (row.state, row.owner) == ("running", "supervisor")

    end, heard = attach(job)

    assert (end.outcome, end.message, end.exit_code, end.leftovers) == ("done", "done", 0, ())
    assert [lines_of(heard, rank) for rank in (0, 1)] == [[*"123456"]] * 2
    assert isinstance(heard[0], events.JobStarted)


def test_a_lease_that_nobody_renews_means_nothing_to_it(make_job: MakeJob) -> None:
    job = make_job(*sh("sleep 6; echo still here"))

    assert detach(job).outcome == "detached"
    end, heard = attach(job)

    assert (end.outcome, lines_of(heard, 0)) == ("done", ["still here"])


def test_whoever_attaches_hears_what_the_owner_heard(make_job: MakeJob) -> None:
    program = (
        "import os, sys; print('a'); print('b', file=sys.stderr)\n"
        "os.write(int(os.environ['CLUSTERKIT_EVENTS_FD']), b'{\"x\": 1}\\n')\n"
        "sys.exit(3)"
    )
    job = make_job(sys.executable, "-c", program)
    owner_heard: list[events.Event] = []

    owners = run(job, owner_heard.append)
    end, heard = attach(job)

    assert heard == owner_heard
    assert end == owners
    assert (end.outcome, end.exit_code) == ("failed", 1)
    assert end.cause is not None
    assert (end.cause["kind"], end.cause["exit_code"], end.cause["node"]) == (
        "exit-code",
        3,
        "here",
    )


def test_stop_ends_it_wherever_it_was_started(make_job: MakeJob) -> None:
    job = make_job(*sh(WAIT))
    detach(job)

    stopped = stop_job(job.id, job.nodes, transports)
    end, _ = attach(job)

    assert (stopped.was_running, stopped.left, stopped.row.state) == (True, (), "stopped")
    assert (end.outcome, end.message, end.exit_code) == ("stopped", "stopped from elsewhere", 1)


def test_when_its_supervisor_dies_it_ends_all_the_same(make_job: MakeJob) -> None:
    job = make_job(*sh(WAIT))
    detach(job)
    within(10, lambda: waiting(job.id) == 2)

    killed = time.monotonic()
    kill_local(job.id, "supervise")
    within(10, lambda: local_processes(job.id) == {})
    assert time.monotonic() - killed < 10
    end, _ = attach(job)

    words = "its supervisor ended without a word (killed?)"
    assert (end.outcome, end.message, end.exit_code) == ("lost", words, 1)
    assert state_of(job)["cause"]["kind"] == "supervisor-lost"


def test_it_is_run_again_in_place(make_job: MakeJob, tmp_path: Path) -> None:
    """Each attempt counts itself in a file; the third goes well."""
    script = 'echo x >>"$COUNT"; sleep 0.3; test $(wc -l <"$COUNT") -ge 3 || exit 5; echo well'
    count = str(tmp_path / "count")
    job = make_job(*sh(script), ranks=1, restarts=2, env={"COUNT": count})

    assert detach(job).outcome == "detached"
    pid = state_of(job)["supervisor"]["pid"]
    end, heard = attach(job)

    again = [event for event in heard if isinstance(event, events.JobRestarted)]
    assert [(e.attempt, e.of, e.why) for e in again] == [
        (number, 3, "rank 0 on here exited with 5") for number in (2, 3)
    ]
    assert (end.outcome, end.ranks) == ("done", (RankEnd(0, "here", 0),))
    assert lines_of(heard, 0) == ["well"]
    state = state_of(job)
    assert state["supervisor"]["pid"] == pid
    assert [(row["outcome"], row["cause"]["exit_code"]) for row in state["attempts"]] == [
        ("failed", 5),
        ("failed", 5),
    ]


def test_it_is_not_run_more_often_than_asked_nor_after_a_stop(make_job: MakeJob) -> None:
    fails = make_job(*sh("sleep 0.3; exit 5"), ranks=1, restarts=1)
    detach(fails)
    end, _ = attach(fails)
    assert (end.outcome, len(state_of(fails)["attempts"])) == ("failed", 1)

    waits = make_job(*sh(WAIT), restarts=5)
    detach(waits)
    stop_job(waits.id, waits.nodes, transports)
    assert (state_of(waits)["state"], state_of(waits)["attempts"]) == ("stopped", [])

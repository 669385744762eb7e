"""However a job is killed or interrupted, nothing is left within ten seconds, and it says why.

Here on this machine, as one node; tests/e2e/test_job_ends_on_nodes.py does it over three.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clusterkit.jobs import (
    RankEnd,
    list_jobs,
)
from tests.e2e.local_job import (
    DEAF,
    WAIT,
    MakeJob,
    sh,
    transports,
    waiting,
)
from tests.e2e.running_job import RunningJob, kill_local, local_processes, within

KILLS = {
    "mpirun": "mpirun on here was ended by SIGKILL",
    "agent": "here: its agent ended without a word (killed?)",
    "supervise": "the supervisor on here ended without a word (killed?)",
    "sleep 1002": None,  # a child of the program: nobody's business
    "sh -c setsid": "rank 0 on here was ended by SIGKILL",
    "payloads rank": "rank 0 on here ended without a word: its wrapper was killed",
}


@pytest.mark.parametrize("victim", [name for name in KILLS if KILLS[name]])
def test_sigkill(make_job: MakeJob, victim: str) -> None:
    job = make_job(*sh(WAIT))
    running = RunningJob(job, transports)
    running.until_all_say("waiting")
    word = {"mpirun": "prterun"}.get(victim, victim)

    killed = time.monotonic()
    kill_local(job.id, word)
    end = running.until_end()

    assert time.monotonic() - killed < 10
    first_line = end.message.splitlines()[0]
    if victim in ("sh -c setsid", "payloads rank"):
        first_line = first_line.replace("rank 1", "rank 0")
    assert first_line == KILLS[victim]
    assert end.outcome in ("failed", "lost")
    assert end.exit_code == 1
    assert end.leftovers == ()
    assert local_processes(job.id) == {}


@pytest.mark.parametrize(
    ("number", "how"), [(signal.SIGKILL, "it hung up"), (signal.SIGSTOP, "its lease lapsed")]
)
def test_the_controller_vanishes(make_job: MakeJob, tmp_path: Path, number: int, how: str) -> None:
    job = make_job(*sh(WAIT))
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    script = "import sys; from tests.e2e.local_job import run_pickled; run_pickled(sys.argv[1])"
    controller = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "job")])
    try:
        within(20, lambda: waiting(job.id) == 2)
        controller.send_signal(number)
        within(10, lambda: local_processes(job.id) == {})
    finally:
        controller.kill()
        controller.wait()
    row = list_jobs(job.nodes, transports)[0]
    assert (row.state, row.message) == ("lost", f"the controller is gone: {how}")


def test_interrupted_once_ends_in_order(make_job: MakeJob) -> None:
    script = 'trap "echo orderly; exit 0" TERM; echo waiting; while :; do sleep 0.05; done'
    running = RunningJob(make_job(*sh(script)), transports)
    running.until_all_say("waiting")

    running.interrupt.press()
    end = running.until_end()

    assert (end.outcome, end.message, end.exit_code) == ("interrupted", "interrupted", 130)
    assert running.saying("orderly") == {0, 1}
    assert end.ranks == (RankEnd(0, "here", 0), RankEnd(1, "here", 0))


def test_interrupted_twice_does_not_wait(make_job: MakeJob) -> None:
    running = RunningJob(make_job(*sh(DEAF)), transports)
    running.until_all_say("waiting")

    pressed = time.monotonic()
    running.interrupt.press()
    running.interrupt.press()
    end = running.until_end()

    assert time.monotonic() - pressed < 2.5
    assert (end.outcome, end.exit_code) == ("interrupted", 130)


def test_a_program_that_ignores_term_is_killed_after_the_grace(make_job: MakeJob) -> None:
    running = RunningJob(make_job(*sh(DEAF)), transports)
    running.until_all_say("waiting")

    pressed = time.monotonic()
    running.interrupt.press()
    end = running.until_end()

    assert 2.5 < time.monotonic() - pressed < 8
    assert end.ranks == (RankEnd(0, "here", None, "SIGKILL"), RankEnd(1, "here", None, "SIGKILL"))


def test_a_supervisor_that_hangs_is_given_up(make_job: MakeJob) -> None:
    job = make_job(*sh(WAIT))
    running = RunningJob(job, transports)
    running.until_all_say("waiting")

    kill_local(job.id, "supervise", signal.SIGSTOP)
    end = running.until_end()

    assert end.outcome == "lost"
    assert end.message.startswith("the supervisor on here has not answered for ")

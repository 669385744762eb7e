"""A job's supervisor and agents wait for their job, and nothing of them is left if none comes.

Here on this machine, as one node; tests/e2e/test_infer_prepared.py does it with `infer` over two.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError, UsageError
from clusterkit.jobs import Interrupt, Job, JobEnd, list_jobs, prepared, run_job
from clusterkit.payloads.job_protocol import LEASE_TTL_S
from clusterkit.transports.base import OnOutput, Process
from clusterkit.transports.local import LocalTransport
from clusterkit.transports.session import Running
from tests.e2e.local_job import MakeJob, sh, transports
from tests.e2e.running_job import kill_local, local_processes, within

HOLD = (
    "import pickle, sys, time; from clusterkit.jobs import prepared; "
    "from tests.e2e.local_job import transports; "
    "job = pickle.load(open(sys.argv[1], 'rb')); waiting = prepared(job.preparation, transports)\n"
    "with waiting: time.sleep(1000)"
)


class Recording(LocalTransport):
    """Remembers what it started."""

    def __init__(self, node: str) -> None:
        super().__init__(node)
        self.started: list[Process] = []

    def start(self, command: Command, on_output: OnOutput) -> Running:
        process = super().start(command, on_output)
        self.started.append(process)
        return process


def parts(job: Job) -> set[str]:
    """Which of our programs run for a job."""
    lines = " ".join(local_processes(job.id).values())
    return {name for name in ("supervise", "agent") if f" {name} {job.id}" in lines}


def until_it_waits(job: Job) -> None:
    within(20, lambda: parts(job) == {"supervise", "agent"})


def nothing_is_left_of(job: Job) -> None:
    within(3, lambda: local_processes(job.id) == {})
    assert not Path(job.head.home).exists()


def supervisor(job: Job) -> list[int]:
    lines = local_processes(job.id).items()
    return sorted(pid for pid, line in lines if f" supervise {job.id}" in line)


def tell_state(folder: Path) -> str:
    """What a rank does to keep the record that its job has while it runs."""
    return f'cat "$PWD/../state.json" >{folder}/state.json'


def is_known_here(job: Job, victim: str) -> bool:
    """Whether the controller has heard that it is gone; of agents it hears nothing."""
    names = {thread.name for thread in threading.enumerate()}
    return victim == "agent" or f"{job.id} _wait" not in names


def run_waiting(job: Job, waiting) -> JobEnd:
    return run_job(job, transports, lambda _event: None, Interrupt(), waiting=waiting)


def test_the_supervisor_that_waits_runs_the_job(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(*sh(tell_state(tmp_path)), ranks=1)

    with prepared(job.preparation, transports) as waiting:
        until_it_waits(job)
        (pid,) = supervisor(job)
        assert not Path(job.head.home).exists()
        end = run_waiting(job, waiting)

    assert (end.outcome, end.message, end.leftovers) == ("done", "done", ())
    assert f'"supervisor": {{"pid": {pid},' in (tmp_path / "state.json").read_text()


def test_it_waits_for_longer_than_a_lease(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))

    with prepared(job.preparation, transports) as waiting:
        until_it_waits(job)
        pids = set(local_processes(job.id))
        time.sleep(LEASE_TTL_S + 1.5)  # as a model that is built meanwhile
        assert set(local_processes(job.id)) == pids
        end = run_waiting(job, waiting)

    assert (end.outcome, end.message) == ("done", "done")


@pytest.mark.parametrize("victim", ["supervise", "agent"])
def test_a_part_that_died_meanwhile_is_replaced(make_job: MakeJob, victim: str) -> None:
    job = make_job(*sh("true"))

    with prepared(job.preparation, transports) as waiting:
        until_it_waits(job)
        (pid,) = [p for p, line in local_processes(job.id).items() if f" {victim} " in line]
        kill_local(job.id, f" {victim} ")
        within(5, lambda: pid not in local_processes(job.id) and is_known_here(job, victim))
        end = run_waiting(job, waiting)

    assert (end.outcome, end.message, end.leftovers) == ("done", "done", ())


def test_a_supervisor_of_other_nodes_is_let_go(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job(*sh(tell_state(tmp_path)), ranks=1)
    link = tmp_path / "python"
    link.symlink_to(sys.executable)
    other = replace(job.preparation, nodes=(replace(job.head, python=str(link)),))

    with prepared(other, transports) as waiting:
        until_it_waits(job)
        (pid,) = supervisor(job)
        end = run_waiting(job, waiting)
        assert pid not in local_processes(job.id)

    assert (end.outcome, end.message, end.leftovers) == ("done", "done", ())
    assert f'"supervisor": {{"pid": {pid},' not in (tmp_path / "state.json").read_text()


def test_a_preparation_that_fails_is_not_heard_of(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))
    broken = replace(job.preparation, nodes=(replace(job.head, python="/nowhere/python"),))

    def unreachable(node: str):
        raise TransportError(node, "out of reach")

    for known, way in ((broken, transports), (job.preparation, unreachable)):
        with prepared(known, way) as waiting:
            end = run_waiting(job, waiting)
            assert (end.outcome, end.message) == ("done", "done")
        job = replace(job, id=f"{job.id}-2")


def test_the_message_of_a_job_that_cannot_start_is_the_same(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))
    broken = replace(job, nodes=(replace(job.head, python="/nowhere/python"),))
    messages = []

    for known in (None, broken.preparation):
        with prepared(known, transports) as waiting:
            messages.append(run_waiting(broken, waiting).message)

    assert messages[0].startswith("the supervisor on here ended with 127\n")
    assert messages[1] == messages[0]


@pytest.mark.parametrize("error", [UsageError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("waits", [True, False], ids=["when it waits", "at once"])
def test_an_error_ends_it(make_job: MakeJob, error: BaseException, waits: bool) -> None:
    job = make_job(*sh("true"))
    here = Recording("here")

    def fail() -> None:
        with prepared(job.preparation, lambda _node: here):
            if waits:
                until_it_waits(job)
            raise error

    with pytest.raises(type(error)):
        fail()

    within(3, lambda: any(process.poll() is not None for process in here.started))
    nothing_is_left_of(job)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGSTOP])
def test_the_controller_vanishes(make_job: MakeJob, tmp_path: Path, number: int) -> None:
    job = make_job(*sh("true"))
    (tmp_path / "job").write_bytes(pickle.dumps(job))
    controller = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "job")], stderr=subprocess.DEVNULL
    )
    try:
        until_it_waits(job)
        os.kill(controller.pid, number)
        within(LEASE_TTL_S + 4, lambda: local_processes(job.id) == {})
    finally:
        controller.kill()
        controller.wait()
    nothing_is_left_of(job)
    assert list_jobs(job.nodes, transports) == ()

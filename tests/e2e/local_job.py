"""Jobs of two ranks on this machine, as one node, without a cluster around them."""

from __future__ import annotations

import os
import pickle
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from clusterkit import events, payloads
from clusterkit.jobs import (
    Interrupt,
    Job,
    JobEnd,
    JobNode,
    new_job_id,
    run_job,
)
from clusterkit.jobs.job import RANK_ARGV
from clusterkit.launchers.mpirun import Mpirun
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank
from clusterkit.transports.local import LocalTransport
from tests.e2e.running_job import local_processes

BIN = Path(sys.executable).parent
PAYLOADS = str(Path(payloads.__file__).parent)
HERE = LocalTransport("here")
# Waits for ever, with a child in its own session; says when it is there.
WAIT = "setsid sleep 1001 & sleep 1002 & echo waiting; wait"
DEAF = 'trap "" TERM; echo waiting; while :; do sleep 1003; done'

MakeJob = Callable[..., Job]


@contextmanager
def jobs_here(home: Path) -> Iterator[MakeJob]:
    """Makes jobs of two ranks here; afterwards nothing of them may be left."""
    made: list[str] = []

    def make(
        *argv: str,
        ranks: int = 2,
        timeout_s: float | None = None,
        stall_timeout_s: float | None = None,
        restarts: int = 0,
        **program: dict,
    ) -> Job:
        node = JobNode("here", None, sys.executable, PAYLOADS, str(home))
        placement = Placement(tuple(Rank(rank, "here", rank) for rank in range(ranks)))
        mpirun = Mpirun(str(BIN / "mpirun"), "5.0.11", as_root=os.geteuid() == 0)
        made.append(new_job_id("test", time.time(), secrets.token_bytes(8)))
        return Job(
            id=made[-1],
            verb="test",
            cluster="test",
            nodes=(node,),
            placement=placement,
            program=RankProgram(argv, **program),
            launch=mpirun.command(placement, RANK_ARGV),
            timeout_s=timeout_s,
            stall_timeout_s=stall_timeout_s,
            restarts=restarts,
        )

    yield make
    for job in made:
        assert local_processes(job) == {}
        folder = home / "jobs" / job
        assert {path.name for path in folder.glob("*")} <= {"state.json", "logs"}


def transports(_node: str) -> LocalTransport:
    return HERE


def run(job: Job, sink: events.Sink = lambda _event: None):
    return run_job(job, transports, sink, Interrupt())


def waiting(job: str) -> int:
    """How many ranks of a job have come to their wait."""
    return sum(words.startswith("sleep 1002") for words in local_processes(job).values())


def sh(script: str) -> tuple[str, str, str]:
    return ("sh", "-c", script)


def detach(job: Job) -> JobEnd:
    """Leave it alone as soon as every rank runs."""
    return run_job(job, transports, lambda _event: None, Interrupt(), detach_when=runs)


def runs(event: events.Event) -> bool:
    return isinstance(event, events.JobRunning)


def detach_pickled(path: str) -> None:
    """For a controller of its own, which waits to be killed."""
    detach(pickle.loads(Path(path).read_bytes()))  # noqa: S301 - written by the test
    print("detached", flush=True)  # noqa: T201
    time.sleep(1000)


def run_pickled(path: str) -> None:
    """For a controller of its own, which may be killed."""
    run(pickle.loads(Path(path).read_bytes()))  # noqa: S301 - written by the test

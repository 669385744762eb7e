"""Over two containers: jobs that go on alone, that hang, and that run out of memory."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker as engine
import pytest

from clusterkit import events
from clusterkit.jobs import Interrupt, Job, JobEnd, list_jobs, run_job, show_job, stop_job
from clusterkit.jobs.attach import Attached
from tests.e2e.controller import free_subnet
from tests.e2e.job_cluster import JobCluster, docker, job_cluster
from tests.e2e.local_job import runs
from tests.e2e.running_job import within

WAIT = "setsid sleep 1001 & sleep 1002 & echo waiting; wait"
HANG = """\
import os, time

def deep():
    time.sleep(1000)

print("here", flush=True)
if os.environ["RANK"] == "3":
    os.execvp("sleep", ["sleep", "1002"])
deep()
"""
GROW = """\
import os, time

if os.environ["RANK"] != "2":
    time.sleep(1000)
held = []
while True:
    held.append(b"x" * (16 << 20))
"""


@pytest.fixture(scope="module")
def two(
    docker_host: engine.DockerClient, mpi_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JobCluster]:
    keys = tmp_path_factory.mktemp("keys")
    with free_subnet(docker_host) as subnet, job_cluster(mpi_image, subnet, 2, keys) as cluster:
        yield cluster


def run(cluster: JobCluster, job: Job) -> JobEnd:
    end = run_job(job, cluster.transport, lambda _event: None, Interrupt())
    assert end.leftovers == ()
    assert cluster.left_of(job.id) == []
    return end


def python(cluster: JobCluster, program: str, **options: float) -> Job:
    words = (f"{cluster.mpi}/bin/python", "program.py")
    return cluster.job(*words, files={"program.py": program.encode()}, **options)


def detach_pickled(path: str) -> None:
    job, cluster = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by the test
    run_job(job, cluster.transport, lambda _event: None, Interrupt(), detach_when=runs)
    print("detached", flush=True)  # noqa: T201
    time.sleep(1000)


def detached(cluster: JobCluster, job: Job, folder: Path) -> None:
    """Have a controller of its own leave the job alone; then kill it."""
    (folder / "job").write_bytes(pickle.dumps((job, replace(cluster, opened={}))))
    script = f"import sys; from {__name__} import detach_pickled as d; d(sys.argv[1])"
    controller = subprocess.Popen(
        [sys.executable, "-c", script, str(folder / "job")], stdout=subprocess.PIPE
    )
    try:
        assert controller.stdout is not None
        assert controller.stdout.readline() == b"detached\n"
    finally:
        controller.kill()
        controller.communicate()


def test_without_its_controller_a_job_goes_on_to_its_end(two: JobCluster, tmp_path: Path) -> None:
    job = two.job("sh", "-c", "sleep 6; echo well $RANK")

    detached(two, job, tmp_path)
    heard: list[events.Event] = []
    end = Attached(job.id, job.nodes, two.transport).until_end(heard.append)

    lines = {e.rank: e.text for e in heard if isinstance(e, events.RankOutput)}
    assert (end.outcome, end.leftovers) == ("done", ())
    assert lines == {rank: f"well {rank}" for rank in range(4)}
    assert two.left_of(job.id) == []


def test_it_is_ended_from_anywhere(two: JobCluster, tmp_path: Path) -> None:
    job = two.job("sh", "-c", WAIT)

    detached(two, job, tmp_path)
    stopped = stop_job(job.id, job.nodes, two.transport)

    assert (stopped.was_running, stopped.left, stopped.row.owner) == (True, (), "supervisor")
    assert two.left_of(job.id) == []


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_nobody_watches_over_it_any_more(two: JobCluster, tmp_path: Path, node: str) -> None:
    job = two.job("sh", "-c", WAIT)
    detached(two, job, tmp_path)
    within(10, lambda: sum(": sleep 1002" in line for line in two.left_of(job.id)) == 4)

    two.kill(node, job.id, {"node1": "supervise", "node2": " agent "}[node])
    within(10, lambda: two.left_of(job.id) == [])

    (row,) = [row for row in list_jobs(job.nodes, two.transport) if row.id == job.id]
    assert row.state == "lost"
    assert row.cause is not None
    kind = {"node1": "supervisor-lost", "node2": "node-lost"}[node]
    assert (row.cause["kind"], row.cause["node"]) == (kind, node)


def test_a_lost_agent_is_no_reason_not_to_run_it_again(two: JobCluster, tmp_path: Path) -> None:
    """What it left on its node is ended first: the node itself is there."""
    job = replace(two.job("sh", "-c", WAIT), restarts=1)
    detached(two, job, tmp_path)

    def waiting() -> bool:
        return sum(": sleep 1002" in line for line in two.left_of(job.id)) == 4

    within(10, waiting)
    two.kill("node2", job.id, " agent ")
    within(20, lambda: len(show(two, job)["state"]["attempts"]) == 1 and waiting())
    shown = show(two, job)
    stopped = stop_job(job.id, job.nodes, two.transport)

    assert shown["state"]["attempts"][0]["cause"]["kind"] == "node-lost"
    assert (shown["state"]["state"], set(shown["seen"]["nodes"])) == (
        "running",
        {"node1", "node2"},
    )
    assert (stopped.row.state, stopped.left) == ("stopped", ())
    assert two.left_of(job.id) == []


def show(cluster: JobCluster, job: Job) -> dict:
    return show_job(job.id, job.head, cluster.transport(job.head.name))


def test_a_job_that_hangs_says_where(two: JobCluster) -> None:
    began = time.monotonic()
    end = run(two, python(two, HANG, stall_timeout_s=2))

    assert time.monotonic() - began < 15
    assert (end.outcome, end.exit_code) == ("stalled", 124)
    first, odd, others = end.message.splitlines()
    assert first == "no rank wrote anything for 2 s, so the job was ended as stalled"
    sleeps = r"rank 3 on node2: no trace: `sleep` \(pid \d+\) sleeps( in \w+)?; it is no Python"
    assert re.fullmatch(sleeps, odd)
    assert others == "ranks 0-2 on node1, node2: deep (program.py:4) < <module> (program.py:9)"


def test_the_limit_of_a_nodes_memory_is_named(two: JobCluster) -> None:
    docker("update", "--memory", "300m", "--memory-swap", "300m", two.container("node2"))

    end = run(two, python(two, GROW))

    first, *_, fix = end.message.splitlines()
    assert first == "rank 2 on node2 was killed: its memory limit of 300 MiB was reached"
    assert fix.startswith("Fix: give the node more memory")
    assert end.cause == {
        "kind": "out-of-memory",
        "node": "node2",
        "rank": 2,
        "exit_code": None,
        "signal": "SIGKILL",
    }

"""However a job over three nodes ends, within ten seconds no node has anything left of it.

Also a node that was cut off: it is looked at through the engine, not through its network.
"""

from __future__ import annotations

import contextlib
import pickle
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import docker as engine
import pytest

from clusterkit import events
from clusterkit.jobs import Interrupt, Job, list_jobs, run_job
from tests.e2e.controller import free_subnet
from tests.e2e.job_cluster import HOME, JobCluster, docker, job_cluster
from tests.e2e.running_job import RunningJob, within

# With a child in a session of its own, which only a sweep finds.
WAIT = "setsid sleep 1001 & sleep 1002 & echo waiting; wait"


@pytest.fixture(scope="module")
def three(
    docker_host: engine.DockerClient, mpi_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JobCluster]:
    keys = tmp_path_factory.mktemp("keys")
    with free_subnet(docker_host) as subnet, job_cluster(mpi_image, subnet, 3, keys) as cluster:
        yield cluster


@pytest.fixture
def waiting(three: JobCluster) -> Iterator[RunningJob]:
    """A job whose six ranks run; afterwards nothing may be left of it, nor of its folders."""
    running = RunningJob(three.job("sh", "-c", WAIT), three.transport)
    try:
        running.until_all_say("waiting")
        yield running
    finally:
        running.interrupt.press()
        running.until_end()
    assert three.left_of(running.job.id) == []
    assert folders(three, running.job) == {
        "node1": ["logs", "state.json"],
        "node2": [],
        "node3": [],
    }
    assert all(three.inside(node, "ls", "/tmp") == "" for node in three.addresses)  # noqa: S108


def folders(cluster: JobCluster, job: Job) -> dict[str, list[str]]:
    """What each node has in the job's folder."""
    look = 'ls "$1" 2>/dev/null || true'
    folder = f"{HOME}/jobs/{job.id}"
    return {
        node: cluster.inside(node, "sh", "-c", look, "sh", folder).split()
        for node in cluster.addresses
    }


def test_hello(three: JobCluster) -> None:
    seen: list[events.Event] = []
    job = three.hello()

    end = run_job(job, three.transport, seen.append, Interrupt())

    answers = sorted(
        (event.data["rank"], event.data["hostname"], event.data["local_rank"])
        for event in seen
        if isinstance(event, events.RankAnswer)
    )
    assert (end.outcome, end.message, end.exit_code, end.leftovers) == ("done", "done", 0, ())
    assert answers == [(i, f"node{i // 2 + 1}", i % 2) for i in range(6)]
    assert [event for event in seen if isinstance(event, events.Note)] == []
    assert three.left_of(job.id) == []


def test_what_ranks_find_around_them(three: JobCluster) -> None:
    names = "RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE MASTER_ADDR"
    names += " NCCL_SOCKET_IFNAME GLOO_SOCKET_IFNAME TP_SOCKET_IFNAME UCX_NET_DEVICES"
    script = f'for name in {names}; do eval "printf \'%s \' \\"\\$$name\\""; done; echo'
    running = RunningJob(three.job("sh", "-c", script, ranks_a_node=1), three.transport)

    assert running.until_end().message == "done"
    lines = {e.rank: e.text for e in running.events if isinstance(e, events.RankOutput)}
    head = three.addresses["node1"]
    assert lines == {rank: f"{rank} 0 3 1 {head} =eth0 eth0 eth0 eth0 " for rank in range(3)}


def test_daemons_are_children_of_the_agents(three: JobCluster, waiting: RunningJob) -> None:
    for node in ("node2", "node3"):
        listed = three.inside(node, "ps", "-eo", "pid,ppid,args").splitlines()
        parents = {line.split()[0]: line.split()[1] for line in listed}
        (daemon,) = [line.split()[0] for line in listed if "bin/prted" in line]
        (agent,) = [
            line.split()[0]
            for line in listed
            if f"agent {waiting.job.id}" in line
            and "-I -S" in line
            and "env " not in line
            and "sh -c" not in line
        ]
        assert parents[daemon] == agent


@pytest.mark.parametrize(
    ("node", "word", "message"),
    [
        ("node1", "supervise", "the supervisor on node1 ended without a word (killed?)"),
        ("node1", "payloads agent", "node1: its agent ended without a word (killed?)"),
        ("node2", " agent ", "node2: its agent ended without a word (killed?)"),
        ("node1", "prterun", "mpirun on node1 was ended by SIGKILL"),
        ("node2", "prted", "mpirun on node1 lost its daemon on node2, which was ended by SIGKILL"),
        ("node3", "sh -c setsid", "rank 4 on node3 was ended by SIGKILL"),
        ("node3", " rank", "rank 4 on node3 ended without a word: its wrapper was killed"),
        ("node1", "ssh -F", "node2: its agent ended without a word (killed?)"),
    ],
)
def test_sigkill(
    three: JobCluster, waiting: RunningJob, node: str, word: str, message: str
) -> None:
    word = word.replace("payloads agent", " agent ") if node == "node1" else word

    killed = time.monotonic()
    three.kill(node, waiting.job.id, word)
    within(10, lambda: three.left_of(waiting.job.id) == [])
    end = waiting.until_end()

    assert time.monotonic() - killed < 12
    assert end.message.splitlines()[0].replace("rank 5", "rank 4") == message
    assert end.outcome in ("failed", "lost")
    assert end.leftovers == ()


def test_the_controller_is_killed(three: JobCluster, tmp_path: Path) -> None:
    job = three.job("sh", "-c", WAIT)
    plain = replace(three, opened={})
    (tmp_path / "job").write_bytes(pickle.dumps((job, plain)))
    script = (
        "import sys; from tests.e2e.test_job_ends_on_nodes import run_pickled; "
        "run_pickled(sys.argv[1])"
    )
    controller = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "job")])
    try:
        within(30, lambda: sum(": sleep 1002" in line for line in three.left_of(job.id)) == 6)
    finally:
        controller.kill()
        controller.wait()
    within(10, lambda: three.left_of(job.id) == [])
    rows = {row.id: row for row in list_jobs(three.nodes(), three.transport)}
    assert (rows[job.id].state, rows[job.id].message) == (
        "lost",
        "the controller is gone: it hung up",
    )


def run_pickled(path: str) -> None:
    job, cluster = pickle.loads(Path(path).read_bytes())  # noqa: S301 - written by the test
    run_job(job, cluster.transport, lambda _event: None, Interrupt())


@pytest.mark.parametrize("presses", [1, 2])
def test_interrupted(three: JobCluster, waiting: RunningJob, presses: int) -> None:
    for _ in range(presses):
        waiting.interrupt.press()
    within(10, lambda: three.left_of(waiting.job.id) == [])
    end = waiting.until_end()

    assert (end.outcome, end.exit_code, end.leftovers) == ("interrupted", 130, ())


@pytest.mark.parametrize("after_s", [0.0, 0.1, 0.2, 0.3, 0.4])
def test_interrupted_while_it_starts(three: JobCluster, after_s: float) -> None:
    running = RunningJob(three.job("sh", "-c", WAIT), three.transport)
    time.sleep(after_s)  # any moment of the start will do
    running.interrupt.press()
    end = running.until_end()

    assert (end.outcome, end.leftovers) == ("interrupted", ())
    assert three.left_of(running.job.id) == []


@contextlib.contextmanager
def cut_off(cluster: JobCluster, node: str) -> Iterator[None]:
    cluster.cut(node)
    try:
        yield
    finally:
        cluster.mend(node)
        cluster.opened.pop(node).close()
        within(20, lambda: _answers(cluster, node))


def _answers(cluster: JobCluster, node: str) -> bool:
    from clusterkit.command import Command

    with contextlib.suppress(Exception):
        return cluster.transport(node).run(Command(("true",))).ok
    return False


@pytest.mark.parametrize("node", ["node2", "node1"])
def test_a_node_is_cut_off(three: JobCluster, waiting: RunningJob, node: str) -> None:
    with cut_off(three, node):
        within(10, lambda: three.left_of(waiting.job.id) == [])
        end = waiting.until_end()

    assert end.outcome == "lost"
    if node == "node1":
        assert end.message.startswith("the supervisor on node1 has not answered for ")
    else:
        assert end.message.startswith("node2: no heartbeat for ")
        assert any(isinstance(e, events.NodeLost) and e.node == node for e in waiting.events)
    assert end.exit_code == 1
    assert [line.split(":")[0] for line in end.leftovers] == [node]


def test_a_node_is_paused(three: JobCluster, waiting: RunningJob) -> None:
    name = three.container("node3")
    docker("pause", name)
    unpause = threading.Timer(12, lambda: docker("unpause", name))
    unpause.start()
    try:
        end = waiting.until_end()
    finally:
        unpause.join()

    assert end.message.startswith("node3: no heartbeat for ")
    within(10, lambda: three.left_of(waiting.job.id) == [])


def test_a_subnet_that_no_interface_has(three: JobCluster) -> None:
    job = three.hello()
    argv = tuple("10.250.0.0/16" if word == three.subnet else word for word in job.launch.argv)

    end = run_job(
        replace(job, launch=replace(job.launch, argv=argv)),
        three.transport,
        lambda _event: None,
        Interrupt(),
    )

    assert end.outcome == "failed"
    refused = r"node[1-3]: Open MPI cannot use btl_tcp_if_include = 10\.250\.0\.0/16, "
    assert re.match(refused, end.message), end.message
    assert three.left_of(job.id) == []


def test_a_host_key_that_is_not_known(three: JobCluster) -> None:
    known = f"{HOME}/ssh/known_hosts"
    text = three.inside("node1", "cat", known)
    three.inside("node1", "sed", "-i", "/^node2,/d", known)
    try:
        job = three.hello()
        end = run_job(job, three.transport, lambda _event: None, Interrupt())
    finally:
        three.inside("node1", "sh", "-c", 'printf %s "$1" >"$2"', "sh", text, known)

    assert end.outcome == "lost"
    assert end.message.startswith("node2: its agent could not be started\n")
    assert "Host key verification failed." in end.message

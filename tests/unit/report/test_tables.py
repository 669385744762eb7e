from __future__ import annotations

import pytest

from clusterkit.report.views import _VIEWS
from clusterkit.results.check import CheckedNode, CheckResult, EngineSummary
from clusterkit.results.hello import HelloRank, HelloResult
from clusterkit.results.jobs import JobsResult, ListedJob, LogLine, LogsResult, StopResult
from clusterkit.results.ls import ListedCluster, LsResult
from clusterkit.results.models import BuildResult, ListedModel, ModelsResult
from clusterkit.results.nodes import Copy, CpResult
from clusterkit.results.schemas import RESULTS
from clusterkit.results.status import ModelStatus, NodeStatus, SeenGpu, StatusResult, StorageStatus
from tests.unit.report.streams import shown, text


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_every_result_has_a_view(name):
    assert RESULTS[name].__name__ in _VIEWS


def test_check():
    nodes = tuple(
        CheckedNode(
            name=f"node{number}",
            address=f"192.168.123.11{number}",
            slots=2,
            gpus=(0, 1),
            image="registry.example.com/a/long/path/clusterkit/node-cuda:2026.11",
        )
        for number in (1, 2)
    )
    check = CheckResult(
        cluster="pair",
        provider="docker",
        subnet="192.168.123.0/24",
        storage="bind ./shared at /shared",
        engine=EngineSummary(name="transformers", model="smollm2-135m", tp=1, pp=2),
        nodes=nodes,
        slots=4,
    )

    assert shown(check) == text("""
        cluster   pair: 2 nodes, 4 slots
        provider  docker, 192.168.123.0/24
        storage   bind ./shared at /shared
        engine    transformers: smollm2-135m, tp=1 pp=2, dtype auto

        NODE   ADDRESS          SLOTS  GPUS  IMAGE
        node1  192.168.123.111      2  0,1   registry.example.com/a/long/path/clusterkit
                                             /node-cuda:2026.11
        node2  192.168.123.112      2  0,1   registry.example.com/a/long/path/clusterkit
                                             /node-cuda:2026.11
        """)


STATUS = StatusResult(
    cluster="pair",
    provider="docker",
    nodes=(
        NodeStatus(
            name="node1",
            address="192.168.123.111",
            state="up",
            slots=2,
            gpus=tuple(
                SeenGpu(index=i, uuid=f"GPU-{i}", name="NVIDIA H200", memory_bytes=150 << 30)
                for i in (0, 1)
            ),
            cores=16,
            memory_bytes=64 << 30,
            memory_available_bytes=60 << 30,
            python_version="3.11.2",
            mpi_version="5.0.11",
            packages={"torch": "2.13.0", "transformers": "5.20.2"},
        ),
        NodeStatus(
            name="node2",
            address="192.168.123.112",
            state="stopped",
            why="the container exited with code 137",
            slots=2,
        ),
    ),
    storage=StorageStatus(kind="bind", source="/home/a/s", path="/shared", free_bytes=12 << 30),
    model=ModelStatus(name="smollm2-135m", state="ready"),
    took_s=0.42,
)


def test_status_says_what_is_wrong_in_words():
    assert shown(STATUS) == text("""
        cluster  pair (docker): 1 of 2 nodes up, seen in 0.42 s
        storage  bind /home/a/s at /shared, 12.0 GiB free
        model    smollm2-135m: ready
        jobs     none running

        NODE   STATE    ADDRESS          SLOTS  GPUS             MEMORY FREE
        node1  up       192.168.123.111      2  2 x NVIDIA H200     60.0 GiB
        node2  stopped  192.168.123.112      2  -                          -

        ! node2  the container exited with code 137
        """)


def test_a_table_that_does_not_fit_loses_no_column():
    lines = shown(STATUS, "wide").splitlines()

    assert " ".join(lines[-5].split()) == (
        "NODE STATE ADDRESS SLOTS GPUS MEMORY FREE OF CORES MPI PYTHON PACKAGES"
    )
    assert lines[-4].endswith("16  5.0.11  3.11.2  torch 2.13.0, transformers 5.20.2")


def test_ls():
    one = ListedCluster(
        name="pair",
        provider="docker",
        nodes=2,
        head="node1",
        state="up",
        where="/home/a/projects/inference/clusters/inventories/docker-pair.yaml",
        current=True,
    )
    other = one.model_copy(
        update={"name": "here", "state": "down", "where": "/home/a/local.yaml", "current": False}
    )

    assert shown(LsResult(clusters=(one, other))) == text("""
           NAME  STATE  PROVIDER  NODES  HEAD   INVENTORY
        *  pair  up     docker        2  node1  /home/a/projects/inference/clusters/inve
                                                ntories/docker-pair.yaml
           here  down   docker        2  node1  /home/a/local.yaml
        """)


def test_ls_of_nothing():
    assert shown(LsResult()) == "No clusters. `clusterkit init` writes a first inventory.\n"


def rank(number, node, **fields):
    seen = {"hostname": node, "pid": 412 + 1000 * number, "local_rank": 0, "device": "cpu"}
    seen |= {"node": node, "ok": True} | fields
    return HelloRank(rank=number, planned_node=f"node{number + 1}", **seen)


def test_hello():
    hello = HelloResult(
        cluster="pair",
        ok=True,
        mpi_version="5.0.11",
        ranks=(rank(0, "node1"), rank(1, "node2")),
        took_s=0.83,
    )

    assert shown(hello) == text("""
        RANK  NODE   LOCAL  DEVICE   PID  PLACED
           0  node1      0  cpu      412  ok
           1  node2      0  cpu     1412  ok

        2 ranks in place · Open MPI 5.0.11 · 0.83 s
        """)


def test_hello_gives_the_reason_in_the_row_that_is_wrong():
    hello = HelloResult(
        cluster="trio",
        ok=False,
        ranks=(
            rank(0, "node1"),
            rank(1, "node3", ok=False, why="placed on node2, runs on node3"),
            HelloRank(rank=2, planned_node="node3", ok=False, why="did not report"),
        ),
        problems=("rank 2 on node3 did not report within 30 s",),
        took_s=30.2,
    )

    assert shown(hello) == text("""
        RANK  NODE   LOCAL  DEVICE   PID  PLACED
           0  node1      0  cpu      412  ok
           1  node3      0  cpu     1412  WRONG: placed on node2, runs on node3
           2  -          -  -          -  WRONG: did not report

        ! rank 2 on node3 did not report within 30 s
        1 of 3 ranks in place · 30.2 s
        """)


def test_jobs():
    jobs = JobsResult(
        cluster="pair",
        jobs=(
            ListedJob(
                id="3f2a",
                verb="infer",
                state="running",
                started_at="2026-11-20T06:13:53Z",
                ranks=2,
                nodes=("node1", "node2"),
            ),
            ListedJob(
                id="9c1d",
                verb="mpi-hello",
                state="failed",
                started_at="2026-11-20T06:10:53Z",
                ended_at="2026-11-20T06:11:13Z",
                ranks=3,
                nodes=("node1", "node2", "node3"),
                message="rank 2 on node3 was ended by SIGKILL\nits last words",
                exit_code=137,
            ),
        ),
    )

    assert shown(jobs) == text("""
        JOB   VERB       STATE    RANKS  STARTED (UTC)       TOOK  MESSAGE
        3f2a  infer      running      2  2026-11-20 06:13       -  -
        9c1d  mpi-hello  failed       3  2026-11-20 06:10  20.0 s  rank 2 on node3 was
                                                                   ended by SIGKILL
        """)


def test_stop():
    stop = StopResult(cluster="pair", job="3f2a", state="stopped", was_running=True, took_s=0.8)

    assert shown(stop) == "Job 3f2a stopped in 0.80 s. Nothing of it is left.\n"


def test_logs_lead_with_the_rank_where_there_are_several():
    lines = (
        LogLine(rank=0, stream="stdout", text="[bold]loading[/bold] :smile:"),
        LogLine(rank=None, stream="stderr", text="mpirun: exit"),
    )

    assert shown(LogsResult(job="3f2a", lines=lines[:1])) == "[bold]loading[/bold] :smile:\n"
    assert shown(LogsResult(job="3f2a", lines=lines)) == text("""
        rank 0   | [bold]loading[/bold] :smile:
        launcher | mpirun: exit
        """)


def test_build():
    build = BuildResult(
        cluster="pair",
        model="smollm2-135m",
        folder="/shared/models/smollm2-135m",
        digest="ab" * 32,
        changed=False,
        size_bytes=269_060_552,
        took_s=0.1,
    )

    assert shown(build, width=None) == (
        "Model smollm2-135m is ready in /shared/models/smollm2-135m (257 MiB): "
        "was there already, whole.\n"
    )


def test_models():
    model = ListedModel(
        name="smollm2-135m", state="absent", source="[b]the hub[/b] :smile:", licence="Apache-2.0"
    )

    assert shown(ModelsResult(models=(model,))) == text("""
        MODEL         STATE   SIZE  LICENCE     SOURCE
        smollm2-135m  absent     -  Apache-2.0  [b]the hub[/b] :smile:
        """)


def test_cp():
    copied = Copy(node="node1", source="./a", target="/b", size_bytes=2048)

    assert shown(CpResult(copies=(copied,), took_s=1)) == "node1: ./a -> /b (2.0 KiB)\n"

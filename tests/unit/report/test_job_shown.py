from __future__ import annotations

import json

from clusterkit.results.jobs import (
    DetachedResult,
    JobAttempt,
    JobCause,
    JobShown,
    ShownNode,
    ShownRank,
)
from tests.unit.report.streams import Streams, shown, text

CAUSE = JobCause(kind="signal", node="node2", rank=1, signal="SIGKILL")
JOB = JobShown(
    cluster="pair",
    id="run-7f3a2c",
    verb="run",
    state="failed",
    owner="supervisor",
    started_at="2026-11-20T16:01:02+00:00",
    ended_at="2026-11-20T16:01:05+00:00",
    took_s=3.2,
    message="rank 1 on node2 was ended by SIGKILL\nb",
    cause=CAUSE,
    exit_code=1,
    nodes=(ShownNode(name="node1"), ShownNode(name="node2")),
    ranks=(
        ShownRank(rank=0, node="node1", pid=70, state="ended", exit_code=0),
        ShownRank(
            rank=1,
            node="node2",
            pid=8,
            state="ended",
            signal="SIGKILL",
            last_lines=("1", "2", "a", "b"),
        ),
    ),
    attempts=(
        JobAttempt(
            outcome="failed",
            message="rank 0 on node1 exited with 3\nx",
            started_at="2026-11-20T16:00:02+00:00",
            ended_at="2026-11-20T16:00:05+00:00",
        ),
    ),
    supervisor_pid=77,
    logs="/home/jobs/run-7f3a2c/logs",
)
DETACHED = DetachedResult(
    cluster="pair",
    job="run-7f3a2c",
    verb="run",
    ranks=4,
    nodes=("node1", "node2"),
    attach="clusterkit attach run-7f3a2c",
    stop="clusterkit stop run-7f3a2c",
)


def test_a_job_whole():
    assert shown(JOB) == text("""
        job      run-7f3a2c (run) on cluster pair
        state    failed
        started  2026-11-20 16:01:02 UTC, 3.2 s
        owner    the supervisor (detached); supervisor: pid 77
        logs     node1:/home/jobs/run-7f3a2c/logs
        cause    signal SIGKILL, rank 1, node2
        message  rank 1 on node2 was ended by SIGKILL
                 b

        RANK  NODE   PID  STATE  ENDED
           0  node1   70  ended  exit 0
           1  node2    8  ended  SIGKILL

        ATTEMPT  STARTED (UTC)        OUTCOME  MESSAGE
        1        2026-11-20 16:00:02  failed   rank 0 on node1 exited with 3

        rank 1 | 2
        rank 1 | a
        rank 1 | b
    """)


def test_one_that_runs_has_heartbeats():
    running = JOB.model_copy(
        update={
            "state": "running",
            "message": None,
            "cause": None,
            "attempts": (),
            "nodes": (ShownNode(name="node1", heard_s=0.4),),
            "ranks": (
                ShownRank(
                    rank=0,
                    node="node1",
                    pid=70,
                    state="running",
                    process="T",
                    last_lines=("1", "2", "3", "4"),
                ),
            ),
        }
    )
    assert shown(running, "wide").splitlines()[5:] == [
        "heard    node1 0.40 s ago",
        "",
        "RANK  NODE   PID  STATE    PROCESS  ENDED",
        "   0  node1   70  running  T        -",
        "",
        *"1234",
    ]


def test_a_job_that_is_left_alone():
    streams = Streams("text")
    streams.printer.detached(DETACHED)
    assert streams.out == "run-7f3a2c\n"
    assert streams.err == text("""
        4 ranks run on node[1-2], also without this terminal
          clusterkit attach run-7f3a2c
          clusterkit stop run-7f3a2c
    """)

    streams = Streams("json")
    streams.printer.detached(DETACHED)
    assert json.loads(streams.out) == DETACHED.model_dump(mode="json")
    assert streams.err == ""

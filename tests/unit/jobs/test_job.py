from __future__ import annotations

import json

from clusterkit import events
from clusterkit.command import Command
from clusterkit.jobs import Interrupt, Job, JobNode, Preparation, new_job_id
from clusterkit.jobs.run import as_events
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank


def test_an_id_is_short_and_depends_on_time_and_chance() -> None:
    assert new_job_id("infer", 1.0, b"x") == "infer-d59111"
    assert new_job_id("infer", 1.0, b"y") != new_job_id("infer", 1.0, b"x")
    assert new_job_id("infer", 2.0, b"x") != new_job_id("infer", 1.0, b"x")


def test_the_first_message_to_the_supervisor() -> None:
    job = Job(
        id="infer-1",
        verb="infer",
        cluster="pair",
        nodes=(
            JobNode("node1", "10.0.0.2", "/py", "/home/payload", "/home"),
            JobNode("node2", "10.0.0.3", "/py", "/home/payload", "/home", prefix="/opt/mpi"),
        ),
        placement=Placement(
            (Rank(0, "node1", 0, 3), Rank(1, "node1", 1, 5), Rank(2, "node2", 0, None))
        ),
        program=RankProgram(("run", "it"), {"TOKEN": "s"}, {"input": b"\xff\n"}),
        launch=Command(("mpirun", "rank"), env={"A": "1"}),
        subnet="10.0.0.0/24",
        ssh_config="/home/ssh/config",
        timeout_s=60,
        asked={"script": "x.py"},
    )

    assert json.loads(json.dumps(job.as_message())) == {
        "t": "job",
        "version": 1,
        "id": "infer-1",
        "verb": "infer",
        "cluster": "pair",
        "nodes": [
            {
                "name": "node1",
                "address": "10.0.0.2",
                "python": "/py",
                "payloads": "/home/payload",
                "prefix": None,
                "folder": "/home/jobs/infer-1",
                "env": {
                    "WORLD_SIZE": "3",
                    "LOCAL_WORLD_SIZE": "2",
                    "PYTHONUNBUFFERED": "1",
                    "CUDA_VISIBLE_DEVICES": "3,5",
                },
                "argv": ["run", "it"],
            },
            {
                "name": "node2",
                "address": "10.0.0.3",
                "python": "/py",
                "payloads": "/home/payload",
                "prefix": "/opt/mpi",
                "folder": "/home/jobs/infer-1",
                "env": {"WORLD_SIZE": "3", "LOCAL_WORLD_SIZE": "1", "PYTHONUNBUFFERED": "1"},
                "argv": ["run", "it"],
            },
        ],
        "ranks": [
            {"rank": 0, "node": "node1", "local_rank": 0},
            {"rank": 1, "node": "node1", "local_rank": 1},
            {"rank": 2, "node": "node2", "local_rank": 0},
        ],
        "env": {"TOKEN": "s"},
        "chdir": None,
        "files": {"input": "/wo="},
        "launch": {"argv": ["mpirun", "rank"], "env": {"A": "1"}},
        "subnet": "10.0.0.0/24",
        "ssh_config": "/home/ssh/config",
        "timeout_s": 60,
        "start_timeout_s": 60.0,
        "stall_timeout_s": None,
        "restarts": 0,
        "grace_s": 3.0,
        "asked": {"script": "x.py"},
    }
    assert job.preparation == Preparation(job.id, job.nodes, "/home/ssh/config")
    assert job.rank_env(job.placement.ranks[1]) == {
        "RANK": "1",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "3",
        "LOCAL_WORLD_SIZE": "2",
        "PYTHONUNBUFFERED": "1",
        "CUDA_VISIBLE_DEVICES": "3,5",
        "TOKEN": "s",
    }


def test_in_a_folder_that_was_named_files_of_the_job_are_given_by_their_paths() -> None:
    job = Job(
        id="run-1",
        verb="run",
        cluster="pair",
        nodes=(
            JobNode("node1", "10.0.0.2", "/py", "/home/payload", "/home"),
            JobNode("node2", "10.0.0.3", "/py3", "/their/payload", "/their"),
        ),
        placement=Placement((Rank(0, "node1", 0), Rank(1, "node2", 0))),
        program=RankProgram(
            ("/py", "./-a.py", "--of", "b.py", "x/b.py"),
            files={"-a.py": b"", "b.py": b""},
            chdir="/shared/out",
        ),
        launch=Command(("mpirun", "rank")),
    )

    assert job.as_message()["chdir"] == "/shared/out"
    assert job.argv_on("node2") == (
        *("/py3", "/their/jobs/run-1/run/-a.py"),
        *("--of", "/their/jobs/run-1/run/b.py", "x/b.py"),
    )


def test_the_message_that_starts_agents_ahead_of_their_job() -> None:
    known = Preparation(
        "infer-1",
        (
            JobNode("node1", "10.0.0.2", "/py", "/home/payload", "/home"),
            JobNode("node2", "10.0.0.3", "/py3", "/home/payload", "/home"),
        ),
        "/home/ssh/config",
    )

    assert json.loads(json.dumps(known.as_message())) == {
        "t": "prepare",
        "version": 1,
        "id": "infer-1",
        "nodes": [
            {"name": "node1", "python": "/py", "payloads": "/home/payload"},
            {"name": "node2", "python": "/py3", "payloads": "/home/payload"},
        ],
        "ssh_config": "/home/ssh/config",
    }


def test_messages_become_events() -> None:
    answer = '{"text": "ünï"}'
    messages = [
        {"t": "started", "job": "j"},
        {"t": "running"},
        {"t": "restarting", "job": "j", "attempt": 2, "of": 3, "why": "failed"},
        {"t": "rank-started", "rank": 1, "node": "b", "pid": 7},
        {"t": "output", "rank": 1, "stream": "stderr", "lines": ["x", "y"]},
        {"t": "answer", "rank": 0, "stream": "answer", "lines": [answer, "[1]", "{"]},
        {"t": "launcher", "node": "a", "lines": ["z"]},
        {"t": "rank-ended", "rank": 1, "node": "b", "exit_code": None, "signal": "SIGKILL"},
        {"t": "node-lost", "node": "b", "why": "gone"},
        {"t": "alive"},
        {"t": "of a later version"},
    ]

    assert [event for message in messages for event in as_events(message)] == [
        events.JobStarted("j"),
        events.JobRunning(),
        events.JobRestarted("j", 2, 3, "failed"),
        events.RankStarted(1, "b", 7),
        events.RankOutput(1, "stderr", "x"),
        events.RankOutput(1, "stderr", "y"),
        events.RankAnswer(0, {"text": "ünï"}),
        events.Note("rank 0 answered what is no JSON object: [1]"),
        events.Note("rank 0 answered what is no JSON object: {"),
        events.LauncherOutput("a", "z"),
        events.RankEnded(1, "b", None, "SIGKILL"),
        events.NodeLost("b", "gone"),
    ]


def test_every_press_is_counted_and_wakes() -> None:
    interrupt, woken = Interrupt(), []
    interrupt.press()
    interrupt.on_press(lambda: woken.append(interrupt.count))
    interrupt.press()
    interrupt.on_press(None)
    interrupt.press()

    assert (interrupt.count, woken) == (3, [2])


def test_the_head_s_own_places_are_those_of_the_other_node_there() -> None:
    job = Job(
        id="infer-1",
        verb="infer",
        cluster="pair",
        nodes=(
            JobNode("node1", "10.0.0.2", "/py", "/home/ada/payload", "/home/ada"),
            JobNode("node2", "10.0.0.3", "/opt/py", "/home/bob/payload", "/home/bob"),
        ),
        placement=Placement((Rank(0, "node1", 0, None), Rank(1, "node2", 0, None))),
        program=RankProgram(("/py", "/home/ada/payload", "generate", "/py/x")),
        launch=Command(("mpirun", "rank")),
    )

    assert job.argv_on("node1") == job.program.argv
    assert job.argv_on("node2") == ("/opt/py", "/home/bob/payload", "generate", "/py/x")

"""However a job ends, nothing of it is left within ten seconds, and the message says why.

Here on this machine, as one node; tests/e2e/test_job_ends_on_nodes.py does it over three.
"""

from __future__ import annotations

import json
import os
import pickle
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit import events, payloads
from clusterkit.jobs import (
    Interrupt,
    Job,
    JobNode,
    LogLine,
    RankEnd,
    list_jobs,
    new_job_id,
    read_logs,
    run_job,
    stop_job,
)
from clusterkit.jobs.job import RANK_ARGV
from clusterkit.jobs.look import Seen, look_everywhere
from clusterkit.launchers.mpirun import Mpirun
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank
from clusterkit.transports.local import LocalTransport
from tests.e2e.running_job import RunningJob, kill_local, local_processes, within

BIN = Path(sys.executable).parent
PAYLOADS = str(Path(payloads.__file__).parent)
HERE = LocalTransport("here")
# Waits for ever, with a child in its own session; says when it is there.
WAIT = "setsid sleep 1001 & sleep 1002 & echo waiting; wait"
DEAF = 'trap "" TERM; echo waiting; while :; do sleep 1003; done'

MakeJob = Callable[..., Job]


@pytest.fixture
def make_job(tmp_path: Path) -> Iterator[MakeJob]:
    """Makes jobs of two ranks here; afterwards nothing of them may be left."""
    made: list[str] = []
    home = tmp_path / "a home"

    def make(*argv: str, ranks: int = 2, timeout_s: float | None = None, **program: dict) -> Job:
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


def test_hello(make_job: MakeJob) -> None:
    seen: list[events.Event] = []
    end = run(make_job(sys.executable, PAYLOADS, "mpi_hello"), seen.append)
    answers = [event.data for event in seen if isinstance(event, events.RankAnswer)]

    assert (end.outcome, end.message, end.exit_code, end.leftovers) == ("done", "done", 0, ())
    assert end.ranks == (RankEnd(0, "here", 0), RankEnd(1, "here", 0))
    assert sorted((a["rank"], a["local_rank"], a["size"], a["device"]) for a in answers) == [
        (0, 0, 2, "cpu"),
        (1, 1, 2, "cpu"),
    ]
    assert all(answer["sum_is_right"] for answer in answers)


def test_the_first_failing_rank_is_named_with_its_last_lines(make_job: MakeJob) -> None:
    script = 'test $RANK = 0 && exec sleep 1000; echo one; echo "two $RANK" >&2; exit 3'

    end = run(make_job(*sh(script)))

    assert (end.outcome, end.exit_code) == ("failed", 1)
    assert end.message == "rank 1 on here exited with 3\ntwo 1"
    assert end.ranks == (RankEnd(0, "here", None, "SIGTERM"), RankEnd(1, "here", 3))
    assert end.took_s < 5


def test_a_program_that_does_not_exist(make_job: MakeJob) -> None:
    end = run(make_job("no-such-program"))

    assert end.outcome == "failed"
    assert "exited with 127\nno-such-program: " in end.message


def test_words_environment_files_and_output_arrive_as_they_are(make_job: MakeJob) -> None:
    words = ('it\'s $(touch /pwned) "x" \n ünï', "", "a  b", "--np", ":", "*")
    program = (
        "import json, os, sys\n"
        "print('out ünï'); print('err', file=sys.stderr); sys.stdout.write('no newline')\n"
        "fd = int(os.environ['CLUSTERKIT_EVENTS_FD'])\n"
        "told = {n: os.environ.get(n) for n in ('ODD', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE',\n"
        "    'MASTER_ADDR', 'GLOO_SOCKET_IFNAME', 'NCCL_SOCKET_IFNAME', 'PYTHONUNBUFFERED',\n"
        "    'CUDA_VISIBLE_DEVICES', 'TMPDIR', 'CLUSTERKIT_FOLDER')}\n"
        "data = {'argv': sys.argv[1:], 'env': told, 'stdin': sys.stdin.read(),\n"
        "    'file': open('input.txt').read(), 'big': 'x' * (1 << 20)}\n"
        "os.write(fd, b'not json\\n')\n"
        "with os.fdopen(fd, 'w') as events: print(json.dumps(data), file=events)\n"
    )
    odd = "a\nb $HOME 'c' \"d\""
    job = make_job(
        sys.executable,
        "-c",
        program,
        *words,
        ranks=1,
        env={"ODD": odd},
        files={"input.txt": "ünï\n".encode()},
    )
    seen: list[events.Event] = []

    end = run(job, seen.append)

    assert end.message == "done"
    answers = [event.data for event in seen if isinstance(event, events.RankAnswer)]
    assert answers == [
        {
            "argv": list(words),
            "env": {
                "ODD": odd,
                "WORLD_SIZE": "1",
                "LOCAL_WORLD_SIZE": "1",
                "MASTER_ADDR": "127.0.0.1",
                "GLOO_SOCKET_IFNAME": "lo",
                "NCCL_SOCKET_IFNAME": "lo",
                "PYTHONUNBUFFERED": "1",
                "CUDA_VISIBLE_DEVICES": None,
                "TMPDIR": None,
                "CLUSTERKIT_FOLDER": None,
            },
            "stdin": "",
            "file": "ünï\n",
            "big": "x" * (1 << 20),
        }
    ]
    notes = [event for event in seen if isinstance(event, events.Note)]
    assert notes == [events.Note("rank 0 answered what is no JSON object: not json")]
    output = {event for event in seen if isinstance(event, events.RankOutput)}
    assert output == {
        events.RankOutput(0, "stdout", "out ünï"),
        events.RankOutput(0, "stderr", "err"),
        events.RankOutput(0, "stdout", "no newline"),
    }


def test_much_output_arrives_whole_and_in_order(make_job: MakeJob) -> None:
    program = "for i in range(300000): print(i)"
    seen: list[events.Event] = []

    end = run(make_job(sys.executable, "-c", program, ranks=2), seen.append)

    assert end.outcome == "done"
    for rank in (0, 1):
        lines = [e.text for e in seen if isinstance(e, events.RankOutput) and e.rank == rank]
        assert lines == [str(i) for i in range(300000)]


def test_a_grandchild_that_goes_on_writing_does_not_keep_the_job(make_job: MakeJob) -> None:
    end = run(make_job(*sh("yes & exit 0"), ranks=1))

    assert (end.outcome, end.exit_code) == ("done", 0)


def test_timed_out(make_job: MakeJob) -> None:
    end = run(make_job(*sh(DEAF), timeout_s=1.5))

    assert (end.outcome, end.exit_code) == ("timed-out", 124)
    assert end.message == "ended after its time limit of 1.5 s; ranks 0-1 still ran"
    assert end.took_s < 8


def test_a_grandchild_in_a_session_of_its_own_is_ended_and_told(make_job: MakeJob) -> None:
    seen: list[events.Event] = []

    end = run(make_job(*sh("setsid sleep 1004 & exit 0"), ranks=1), seen.append)

    assert (end.outcome, end.exit_code) == ("done", 0)
    notes = [event.text for event in seen if isinstance(event, events.Note)]
    assert len(notes) == 1
    assert notes[0].startswith("ended what a rank had left behind: sleep 1004 (pid ")


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
    script = (
        "import sys; from tests.e2e.test_job_ends import run_pickled; run_pickled(sys.argv[1])"
    )
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


def run_pickled(path: str) -> None:
    run(pickle.loads(Path(path).read_bytes()))  # noqa: S301 - written by the test


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
    assert end.took_s < 12


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
    script = (
        "import sys; from tests.e2e.test_job_ends import run_pickled; run_pickled(sys.argv[1])"
    )
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


def test_an_option_that_mpirun_refuses_is_a_failure(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))
    argv = job.launch.argv
    launch = type(job.launch)((argv[0], "--mca", "btl_tcp_if_include", "10.99.0.0/16", *argv[1:]))
    hello = make_job(sys.executable, PAYLOADS, "mpi_hello")

    end = run(replace(hello, launch=launch))

    assert end.outcome == "failed"
    assert "mpirun on here refused an option" in end.message
    assert "10.99.0.0/16" in end.message


def test_a_launcher_that_is_not_there(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))
    launch = type(job.launch)(("/nowhere/mpirun",))

    end = run(replace(job, launch=launch))

    assert end.outcome == "failed"
    assert end.message.startswith("mpirun on here exited with 127 before its ranks had ended\n")


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


def test_a_home_that_cannot_be_written(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))
    nowhere = replace(job.head, home="/proc/nowhere")

    end = run(replace(job, nodes=(nowhere,)))

    assert end.outcome == "failed"
    assert end.message == "here: [Errno 2] No such file or directory: '/proc/nowhere'"


def test_the_state_is_on_file(make_job: MakeJob) -> None:
    job = make_job(*sh("exit 0"))

    run(job)

    state = json.loads(Path(job.head.folder(job.id), "state.json").read_text())
    assert (state["state"], state["message"]) == ("done", "done")
    assert [(rank["rank"], rank["exit_code"]) for rank in state["ranks"]] == [(0, 0), (1, 0)]

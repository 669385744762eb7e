"""However a job ends by itself, its message says why, and nothing of it is left.

Here on this machine, as one node; tests/e2e/test_job_ends_on_nodes.py does it over three.
"""

from __future__ import annotations

import sys
from dataclasses import replace

from clusterkit import events
from clusterkit.jobs import (
    RankEnd,
)
from tests.e2e.local_job import (
    DEAF,
    PAYLOADS,
    MakeJob,
    run,
    sh,
)


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
    waits = "test $RANK = 0 && touch runs && exec sleep 1000"
    fails = 'until test -e runs; do sleep 0.02; done; echo one; echo "two $RANK" >&2; exit 3'
    script = f"{waits}; {fails}"

    end = run(make_job(*sh(script)))

    assert (end.outcome, end.exit_code) == ("failed", 1)
    assert end.message == "rank 1 on here exited with 3\ntwo 1"
    assert end.ranks == (RankEnd(0, "here", None, "SIGTERM"), RankEnd(1, "here", 3))


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
                "NCCL_SOCKET_IFNAME": "=lo",
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

    assert (end.outcome, end.message) == ("done", "done")
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


def test_a_grandchild_in_a_session_of_its_own_is_ended_and_told(make_job: MakeJob) -> None:
    seen: list[events.Event] = []

    end = run(make_job(*sh("setsid sleep 1004 & exit 0"), ranks=1), seen.append)

    assert (end.outcome, end.exit_code) == ("done", 0)
    notes = [event.text for event in seen if isinstance(event, events.Note)]
    assert len(notes) == 1
    assert notes[0].startswith("ended what a rank had left behind: sleep 1004 (pid ")


def test_an_option_that_mpirun_refuses_is_a_failure(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))
    argv = job.launch.argv
    launch = type(job.launch)((argv[0], "--mca", "btl_tcp_if_include", "10.99.0.0/16", *argv[1:]))
    hello = make_job(sys.executable, PAYLOADS, "mpi_hello")

    end = run(replace(hello, launch=launch))

    assert end.outcome == "failed"
    assert end.message.startswith(
        "here: Open MPI cannot use btl_tcp_if_include = 10.99.0.0/16, and would go on without it: "
        "Did not find interface matching this subnet. Fix: "
    )


def test_a_launcher_that_is_not_there(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))
    launch = type(job.launch)(("/nowhere/mpirun",))

    end = run(replace(job, launch=launch))

    assert end.outcome == "failed"
    assert end.message.startswith("mpirun on here exited with 127 before its ranks had ended\n")


def test_a_home_that_cannot_be_written(make_job: MakeJob) -> None:
    job = make_job(*sh("true"))
    nowhere = replace(job.head, home="/proc/nowhere")

    end = run(replace(job, nodes=(nowhere,)))

    assert end.outcome == "failed"
    assert end.message == "here: /proc/nowhere: No such file or directory"

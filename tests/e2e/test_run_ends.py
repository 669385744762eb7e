"""A script of which one rank fails, hangs or is ended, over three containers."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.e2e.pair import TRIO, Pair

LAUNCHERS = ("mpirun", "torchrun")
FAULT = """\
import os, signal, sys, time
import torch.distributed as dist

dist.init_process_group("gloo")
if dist.get_rank() == 3:
    what = sys.argv[1]
    print("rank 3 will", what, file=sys.stderr)
    if what == "exit":
        os._exit(3)
    if what == "be-killed":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(1000)
dist.barrier()
"""


@pytest.mark.parametrize("launcher", LAUNCHERS)
@pytest.mark.parametrize(
    ("what", "how"),
    [
        ("exit", "rank 3 on node3 exited with 3\n  rank 3 will exit"),
        ("be-killed", "rank 3 on node3 was ended by SIGKILL\n  rank 3 will be-killed"),
    ],
    ids=["exits", "is-killed"],
)
def test_the_first_that_fails_is_named_and_all_end(
    trio: Pair, tmp_path: Path, launcher: str, what: str, how: str
) -> None:
    script = tmp_path / "fault.py"
    script.write_text(FAULT)

    done = trio("run", "--launcher", launcher, script, what)

    job = done.stderr.rpartition("clusterkit logs ")[2].removesuffix("`\n")
    assert done.stderr.endswith(f"Error: job {job}: {how}\nFix: see `clusterkit logs {job}`\n")
    assert (done.returncode, done.stdout) == (1, "")
    assert trio("logs", job, "--rank", "3").stdout == f"rank 3 will {what}\n"
    assert left(trio) == []


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_one_that_hangs_is_named_when_the_time_is_over(
    trio: Pair, tmp_path: Path, launcher: str
) -> None:
    script = tmp_path / "hang.py"
    script.write_text(
        "import os, time\n\nif os.environ['RANK'] == '3':\n    print('3 waits')\n"
        "    time.sleep(1000)\n"
    )

    done = trio("run", "--launcher", launcher, "--timeout", "25", script)

    job = done.stderr.rpartition("clusterkit logs ")[2].removesuffix("`\n")
    assert (done.returncode, done.stdout, done.stderr) == (
        124,
        "rank 3   | 3 waits\n",
        f"Error: job {job}: ended after its time limit of 25 s; rank 3 still ran\n"
        f"Fix: give it longer with `--timeout`, or see `clusterkit logs {job}`\n",
    )
    assert left(trio) == []


def test_a_torchrun_that_is_killed_takes_its_ranks_with_it_and_the_job(
    trio: Pair, tmp_path: Path
) -> None:
    script = tmp_path / "fault.py"
    script.write_text(FAULT)
    process = trio.controller.start("run", "--launcher", "torchrun", script, "hang")
    assert process.stderr is not None
    assert process.stderr.readline() == "rank 3   | rank 3 will hang\n"

    trio.inside("node3", "sh", "-c", KILL, "sh", "torch.distributed.run")
    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert re.search(
        r"^Error: job run-\w{6}: rank [34] on node3 ended without a word", errors, re.M
    )
    assert left(trio) == []


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_ctrl_c_ends_every_rank(trio: Pair, tmp_path: Path, launcher: str) -> None:
    script = tmp_path / "fault.py"
    script.write_text(FAULT)
    process = trio.controller.start("run", "--launcher", launcher, script, "hang")
    assert process.stderr is not None
    assert process.stderr.readline() == "rank 3   | rank 3 will hang\n"

    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)

    assert (process.returncode, output) == (130, "")
    assert re.fullmatch(r"(?s).*Error: job run-\w{6}: interrupted\.?\n", errors)
    assert left(trio) == []


KILL = (
    'for p in $(ls /proc | grep "^[0-9]"); do tr "\\0" " " <"/proc/$p/cmdline" 2>/dev/null '
    '| grep -qF -e "-m $1" && exec kill -KILL "$p"; done; exit 1'
)
LEFT = (
    'for p in /proc/[0-9]*; do tr "\\0" "\\n" <$p/environ 2>/dev/null '
    '| grep -q "^CLUSTERKIT_JOB=" && tr "\\0" " " <$p/cmdline && echo; done; true'
)


def left(trio: Pair) -> list[str]:
    """Processes of any job, on all nodes."""
    return [
        f"{node}: {line}"
        for node in TRIO
        for line in trio.inside(node, "sh", "-c", LEFT).splitlines()
    ]

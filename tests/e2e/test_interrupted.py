"""`up` by two at once, interrupted, or killed: one holds the lock, and the next `up` completes."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import platform
import re
import signal
import subprocess

import pytest
from docker.errors import NotFound

from tests.e2e.controller import Controller
from tests.e2e.pair import NOTHING, Pair

MOMENTS = ("create network", "create container", "start container")
"""What `up` has just said that it did, when something happens to it."""


SHORT_LIVED = """
from functools import partial
from clusterkit.cli.main import main
from clusterkit.use_cases import lock
lock.new_holder = partial(lock.new_holder, beats_every_s=1, expires_after_s=3)
main()
"""
"""The CLI, of whose silence others make something sooner."""


def start_up(pair: Pair, moment: str, program: str | None = None) -> subprocess.Popen[str]:
    """An `up` that has come so far."""
    words = () if program is None else ("-c", program)
    process = pair.controller.start("up", pair.file, "--yes", program=words)
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if moment in line:
            return process
    raise AssertionError(f"`up` ended before it said {moment!r}: {said}")


def lock(pair: Pair) -> list[str]:
    return [name for name in pair.left()["volumes"] if name.endswith("-lock")]


@pytest.mark.parametrize("moment", MOMENTS)
def test_ctrl_c_gives_the_lock_back_and_the_next_up_completes(described: Pair, moment: str):
    process = start_up(described, moment)

    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)

    assert (process.returncode, output) == (130, "")
    assert errors.endswith(
        "Error: `up` was interrupted.\nFix: run it again; it does what is still to be done\n"
    )
    assert "Traceback" not in errors
    assert lock(described) == []
    described.up()
    assert described.planned() == []


def test_ctrl_c_before_anything_is_changed_leaves_a_cluster_that_down_removes(described: Pair):
    process = start_up(described, "create network")
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)

    assert described("down", "--yes").returncode == 0
    assert described.left() == NOTHING


@pytest.mark.parametrize("moment", ["create network", "start container"])
def test_the_lock_of_a_killed_up_is_taken_over(described: Pair, moment: str):
    process = start_up(described, moment)

    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)

    assert lock(described) == [f"clusterkit-{described.name}-lock"]
    described.up()
    assert lock(described) == []
    assert described.planned() == []
    assert described.answer("mpi-hello")["ok"] is True


@pytest.mark.parametrize("second", [("up", "FILE", "--yes"), ("down", "--yes")])
def test_of_two_at_once_one_wins_and_the_other_says_who(described: Pair, second):
    process = start_up(described, "create network")
    os.kill(process.pid, signal.SIGSTOP)
    try:
        words = [str(described.file) if word == "FILE" else word for word in second]
        refused = described(*words)
    finally:
        os.kill(process.pid, signal.SIGCONT)
    process.communicate(timeout=60)

    assert (refused.returncode, refused.stdout) == (5, "")
    who = re.escape(f"{getpass.getuser()}@{platform.node()}")
    assert re.fullmatch(
        f"Error: cluster {described.name} is locked: {who} runs `clusterkit up` "
        rf"\(pid {process.pid}\) since 20[-0-9T:+]+\.\n"
        "Fix: wait for it to end, for example with `--lock-wait 600`; if it is gone, its lock "
        "ends 60 s after its last sign of life\n",
        refused.stderr,
    )
    assert process.returncode == 0
    assert described.planned() == []


def test_a_lock_from_another_machine_stands_until_its_holder_lets_go(described: Pair):
    holder = {"id": "1", "user": "ann", "host": "elsewhere", "pid": "1", "verb": "down"}
    name = f"clusterkit-{described.name}-lock"
    label = {"clusterkit.lock": json.dumps(holder | {"since": "then", "started": "1"})}
    volume = described.engine.volumes.create(name, labels=label)
    try:
        refused = described("up", described.file, "--yes")
        assert described.left() == NOTHING | {"volumes": [name]}
        shown = described("lock", "status", "--inventory", described.file, "-o", "json")
        kept = described("lock", "release", "--inventory", described.file)
        taken = described("lock", "release", "--inventory", described.file, "--force", "--yes")
        assert described.left() == NOTHING
    finally:
        with contextlib.suppress(NotFound):
            volume.remove()

    assert (refused.returncode, refused.stderr) == (
        5,
        f"Error: cluster {described.name} is locked: ann@elsewhere runs `clusterkit down` (pid 1) "
        "since then.\nFix: wait for it to end, for example with `--lock-wait 600`; if it is gone, "
        "`clusterkit lock release --force --inventory INVENTORY`\n",
    )
    who = json.loads(shown.stdout)["holder"]
    assert (who["user"], who["life"], who["expires_in_s"]) == ("ann", "living", None)
    assert (kept.returncode, taken.returncode) == (2, 0), kept.stderr


def test_who_froze_for_too_long_loses_the_lock_and_changes_nothing_more(described: Pair):
    """The second one is on a machine of another name: it knows no process of the first one."""
    first = start_up(described, "create network", program=SHORT_LIVED)
    os.kill(first.pid, signal.SIGSTOP)
    other = Controller(described.folder / "other", described.engine, {described.name})
    other.before = ("unshare", "--uts", "sh", "-c", 'hostname elsewhere; exec "$@"', "sh")
    try:
        waited = other("up", described.file, "--yes", "--lock-wait", "60")
        os.kill(first.pid, signal.SIGCONT)
        output, errors = first.communicate(timeout=60)
        again = other("plan", described.file, "-o", "json")
    finally:
        other.close()

    assert waited.returncode == 0, waited.stderr
    assert "waiting 1.2 s for a sign of life" in waited.stderr
    assert (first.returncode, output) == (5, "")
    assert f"has lost the lock of cluster {described.name}" in errors
    assert json.loads(again.stdout)["changes"] == 0
    assert lock(described) == []

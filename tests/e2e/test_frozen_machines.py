"""A machine that stops in the middle: it is named in time, by Ctrl-C too, and the others go on."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Iterator

import docker
import pytest

from tests.e2e.controller import new_cluster_name
from tests.e2e.machine_faults import frozen
from tests.e2e.machines import Machine, Spec, machines
from tests.e2e.test_ssh_bad_input import Lab

SPECS = (Spec("gpu01"), Spec("gpu02", user="ada", port=2022), Spec("gpu03"))
WITHIN_S = 60
"""A machine that is busy as well needs this at most; without limits it would be for ever."""
# Of what serves a login: the moment somebody is let in, all of sshd stops.
_FREEZE_AT_LOGIN = 'until pgrep -u "$0" sshd >/dev/null; do :; done; pkill -STOP sshd'


@pytest.fixture(scope="module")
def lab(
    docker_host: docker.DockerClient,
    mpi_machine: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Lab]:
    name = new_cluster_name()
    folder = tmp_path_factory.mktemp("lab")
    with machines(docker_host, mpi_machine, tmp_path_factory.mktemp("person"), *SPECS) as room:
        lab = Lab(room, room.controller(folder / "state", name), name, folder / "lab.yaml")
        try:
            lab.up()
            yield lab
        finally:
            lab.controller.close()


def thawed(machine: Machine) -> None:
    machine.inside("pkill", "-CONT", "sshd")


def test_ctrl_c_does_not_wait_for_a_machine_that_froze_while_it_worked(lab: Lab):
    process = lab.controller.start("exec", "@all", "--", "sleep", "60")
    gpu02 = lab.room["gpu02"]
    deadline = time.monotonic() + 30
    while gpu02.container.exec_run(["pgrep", "-x", "sleep"])[0]:
        assert time.monotonic() < deadline, "nothing was started"
        time.sleep(0.05)
    with frozen(gpu02):
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=WITHIN_S)

    assert (process.returncode, output, errors) == (
        130,
        "",
        "Error: `exec` was interrupted. No answer yet from gpu02.\n",
    )


@pytest.mark.parametrize("verb", ["check", "doctor", "up"])
def test_a_machine_that_freezes_at_the_login_is_named_in_time(lab: Lab, verb: str):
    words = {"check": (lab.file, "--live"), "doctor": (), "up": (lab.file, "--yes")}[verb]
    gpu02: Machine = lab.room["gpu02"]
    gpu02.container.exec_run(["sh", "-c", _FREEZE_AT_LOGIN, "ada"], detach=True)
    try:
        done = lab(verb, *words, timeout_s=WITHIN_S)
    finally:
        thawed(gpu02)

    said = " ".join((done.stdout + done.stderr).split())
    # It may freeze before its first program runs, or while it does.
    assert re.search("the connection to gpu02 (stopped answering|was lost: nothing was)", said)


def test_who_is_frozen_does_not_hold_back_the_others(lab: Lab):
    with frozen(lab.room["gpu02"]):
        done = lab("status", timeout_s=WITHIN_S)

    assert done.returncode == 3
    assert "2 of 3 nodes up" in done.stdout

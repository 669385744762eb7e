"""Whether the head can log in to the other nodes, and what is said of those that refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.checks.doctor.seen import Blocked, Login, Reach
from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError, CommandFailed
from clusterkit.tasks.head_login import HeadLogsIn
from clusterkit.transports.local import LocalTransport
from clusterkit.transports.world import World
from clusterkit.use_cases.doctor_logins import with_logins
from tests.unit.providers.machines import lab, machine
from tests.unit.tasks.shell import run


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a file NAME is what `ssh` says of a node, which then lets nobody in."""
    programs, answers = tmp_path / "programs", tmp_path / "answers"
    programs.mkdir()
    answers.mkdir()
    (programs / "ssh").write_text(
        f'#!/bin/sh\necho "$@" >>"{tmp_path}/asked"\n'
        f'shift 3\ntest -e "{answers}/$1" || exit 0\ncat "{answers}/$1" >&2\nexit 255\n'
    )
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    return answers


def tried() -> Result:
    probe = HeadLogsIn(lab()).probe()
    assert isinstance(probe, Command)
    return run(probe)


def test_every_node_but_the_head_is_tried(ssh: Path, tmp_path: Path):
    assert HeadLogsIn(lab()).plan(tried()).summary == "the head logs in to every node"

    config = "-F /home/ubuntu/.clusterkit/lab/gpu01/ssh/config"
    asked = sorted((tmp_path / "asked").read_text().splitlines())
    assert asked == [f"{config} -- gpu02 true", f"{config} -- gpu03 true"]


AT = "the head, gpu01, cannot log in at"
LISTEN = "Fix: let sshd there listen on the cluster network, and let it through the firewall"


def test_every_node_that_refuses_is_named_with_what_mends_it(ssh: Path):
    (ssh / "gpu02").write_text("ada@10.0.0.12: Permission denied (publickey).\r\n")
    (ssh / "gpu03").write_text("line\tone\nssh: connect to host 10.0.0.13 port 22: timed out\n")

    with pytest.raises(ClusterkitError) as caught:
        HeadLogsIn(lab()).plan(tried())

    assert str(caught.value) == (
        f"gpu02: {AT} 10.0.0.12:2022: ada@10.0.0.12: Permission denied (publickey). "
        "Fix: let sshd there read ~/.ssh/authorized_keys of ada, closed to others\n"
        f"gpu03: {AT} 10.0.0.13:22: line one;ssh: connect to host 10.0.0.13 port 22: timed out. "
        f"{LISTEN}"
    )


def test_a_machine_at_another_ones_address_is_told(ssh: Path):
    (ssh / "gpu03").write_text("@@@@@@@@\n@ WARNING @\nHost key verification failed.\n")

    with pytest.raises(ClusterkitError) as caught:
        HeadLogsIn(lab()).plan(tried())

    assert str(caught.value) == (
        f"gpu03: {AT} 10.0.0.13:22: Host key verification failed. "
        "Fix: correct `address`: another machine, or another sshd, answers there"
    )


def test_one_that_says_nothing(ssh: Path):
    (ssh / "gpu02").touch()

    with pytest.raises(ClusterkitError) as caught:
        HeadLogsIn(lab()).plan(tried())

    assert str(caught.value) == f"gpu02: {AT} 10.0.0.12:2022: no answer. {LISTEN}"


def test_a_head_without_ssh_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    command = HeadLogsIn(lab()).probe()

    with pytest.raises(CommandFailed):
        HeadLogsIn(lab()).plan(Result("gpu01", command, 127, stderr="sh: xargs: not found"))


def test_the_more_nodes_the_longer_it_may_take():
    many = lab(nodes=tuple(machine(1, name=f"n{number}") for number in range(129)))

    assert [HeadLogsIn(cluster).probe().timeout_s for cluster in (lab(), many)] == [46, 94]


def test_in_a_plan_it_is_not_known():
    assert HeadLogsIn(lab()).plan(None).summary == "<known after trust>"


def test_the_doctor_has_the_head_log_in_where_it_reaches_sshd(ssh: Path):
    (ssh / "gpu03").write_text("Warning: moved\nubuntu@10.0.0.13: Permission denied\n")
    (ssh / "gpu04").touch()
    blocked = (Blocked("gpu02", "sshd", "no answer within 3 s"),)
    reach = {"gpu01": Reach(6, blocked), "gpu02": Reach(6), "gpu03": Reach(6), "gpu04": Reach(6)}
    reach["gpu05"] = Reach(6)
    no_engine: type = type("NoEngine", (), {})

    with World({"gpu01": lambda: LocalTransport("gpu01")}, no_engine) as world:
        seen = with_logins(lab(), reach, world)

    logins = (
        Login("gpu03", "ubuntu@10.0.0.13: Permission denied"),
        Login("gpu04", "no answer"),
        Login("gpu05"),
    )
    assert seen == {**reach, "gpu01": Reach(6, blocked, logins)}

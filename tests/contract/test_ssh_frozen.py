"""A machine whose sshd has stopped: its kernel still takes what is sent, and nobody answers."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.transports import ssh_wire
from clusterkit.transports.ssh import SshTransport
from tests.contract.sshd import Sshd

_SILENT_AFTER_S, _ASK_EVERY_S = 3, 1


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same limits, in less time."""
    monkeypatch.setattr(ssh_wire, "SILENT_AFTER_S", _SILENT_AFTER_S)
    monkeypatch.setattr(ssh_wire, "_ASK_EVERY_S", _ASK_EVERY_S)


@pytest.fixture
def connected(impatient: None, sshd: Sshd) -> Iterator[SshTransport]:
    transport = SshTransport("node1", sshd.address)
    transport.run(Command(("true",)))
    yield transport
    transport.close()


@contextlib.contextmanager
def frozen(sshd: Sshd) -> Iterator[None]:
    """Stop sshd and what serves its connections."""
    pids = [sshd.pid]
    for pid in pids:
        pids += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def error_of(transport: SshTransport, *argv: str) -> str:
    """What is said of a command that nobody answers."""
    with pytest.raises(TransportError) as caught:
        transport.run(Command(argv))
    return str(caught.value)


def test_a_program_on_a_machine_that_froze_is_given_up(
    connected: SshTransport, sshd: Sshd
) -> None:
    started = threading.Event()
    errors: list[str] = []

    def wait() -> None:
        try:
            connected.follow(
                Command(("sh", "-c", "echo begun; exec sleep 60")), lambda *_: started.set()
            )
        except TransportError as error:
            errors.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert started.wait(10)
    with frozen(sshd):
        waiting.join(30)

    assert errors == [
        f"node1: the connection to {sshd.address} stopped answering while the program ran. "
        "Fix: see `clusterkit status`, and run it again"
    ]


def test_the_next_command_on_a_frozen_machine_is_told_what_the_first_one_met(
    connected: SshTransport, sshd: Sshd
) -> None:
    with frozen(sshd):
        first = error_of(connected, "true")
    second = error_of(connected, "true")  # it would answer now, and is not asked

    assert second == first


def test_a_machine_that_works_and_says_nothing_is_not_given_up(connected: SshTransport) -> None:
    assert connected.run(Command(("sleep", str(_SILENT_AFTER_S + 2)))).ok


def test_whether_a_machine_answers_is_seen_at_once(connected: SshTransport, sshd: Sshd) -> None:
    before = connected.answers(10)
    with frozen(sshd):
        during = connected.answers(1)

    assert (before, during, connected.answers(5)) == (True, False, True)


def test_who_is_given_up_is_not_asked_again_and_holds_nobody_up(
    connected: SshTransport, sshd: Sshd
) -> None:
    with frozen(sshd):
        connected.give_up()
    said = error_of(connected, "true")  # it would answer now, and is not asked

    assert said == f"node1: {sshd.address} did not answer, and was left"

"""A machine whose sshd has stopped: its kernel still takes what is sent, and nobody answers."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
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


def error_of(transport: SshTransport, *argv: str) -> tuple[str, float]:
    """What is said of a command that nobody answers, and after how long."""
    began = time.monotonic()
    with pytest.raises(TransportError) as caught:
        transport.run(Command(argv))
    return str(caught.value), time.monotonic() - began


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
        waiting.join(_SILENT_AFTER_S + 2)

    assert errors == [
        f"node1: the connection to {sshd.address} stopped answering while the program ran. "
        "Fix: see `clusterkit status`, and run it again"
    ]


def test_the_next_command_on_a_frozen_machine_waits_once(
    connected: SshTransport, sshd: Sshd
) -> None:
    with frozen(sshd):
        _, first_s = error_of(connected, "true")
        _, second_s = error_of(connected, "true")

    assert first_s < _SILENT_AFTER_S + 2
    assert second_s < 0.5


def test_a_machine_that_works_and_says_nothing_is_not_given_up(connected: SshTransport) -> None:
    assert connected.run(Command(("sleep", str(_SILENT_AFTER_S + 2)))).ok


def test_whether_a_machine_answers_is_seen_at_once(connected: SshTransport, sshd: Sshd) -> None:
    before = connected.answers(1)
    with frozen(sshd):
        began = time.monotonic()
        during = connected.answers(1)
        took_s = time.monotonic() - began

    assert (before, during, connected.answers(5)) == (True, False, True)
    assert took_s < 1.5


def test_who_is_given_up_is_not_asked_again_and_holds_nobody_up(
    connected: SshTransport, sshd: Sshd
) -> None:
    with frozen(sshd):
        connected.give_up()
        said, took_s = error_of(connected, "true")

    assert said == f"node1: {sshd.address} did not answer, and was left"
    assert took_s < 0.5

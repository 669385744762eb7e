"""An sshd to which many log in at the same moment: it turns some away by chance."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.transports.ssh import SshTransport
from tests.contract.sshd import Sshd, running_sshd


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("busy"), "MaxStartups 2:50:3") as sshd:
        yield sshd


@contextlib.contextmanager
def others(sshd: Sshd, count: int) -> Iterator[None]:
    """So many are about to log in, and do not come to an end."""
    with contextlib.ExitStack() as stack:
        let_in = 0
        deadline = time.monotonic() + 10
        while let_in < count:
            assert time.monotonic() < deadline, f"only {let_in} of {count} were let in"
            held = socket.create_connection(("127.0.0.1", sshd.port), timeout=10)
            stack.enter_context(held)
            let_in += held.recv(4) == b"SSH-"
        yield


def test_who_is_turned_away_by_chance_tries_again(busy: Sshd) -> None:
    said = []
    with others(busy, 2):
        for _ in range(6):
            with contextlib.closing(SshTransport("node1", busy.address)) as transport:
                said.append(transport.run(Command(("echo", "in"))).stdout)

    assert said == ["in\n"] * 6


def test_who_is_always_turned_away_hears_why(tmp_path: Path) -> None:
    with (
        running_sshd(tmp_path, "MaxStartups 2") as full,
        others(full, 2),
        contextlib.closing(SshTransport("node1", full.address)) as transport,
        pytest.raises(TransportError) as caught,
    ):
        transport.run(Command(("true",)))

    assert str(caught.value) == (
        f"node1: {full.address} takes connections and closes them at once. Fix: raise MaxStartups "
        "in its sshd_config, or correct the port"
    )

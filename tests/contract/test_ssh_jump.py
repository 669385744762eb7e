"""Machines behind a jump host: one connection to it serves them all."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.transports.ssh import SshAddress, SshTransport
from tests.contract.sshd import Sshd, running_sshd


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Sshd, SshAddress]]:
    """A server, and the address of itself by way of itself under another name."""
    with running_sshd(tmp_path) as sshd:
        known_hosts = tmp_path / "known_hosts"
        known_hosts.write_text(
            known_hosts.read_text() + known_hosts.read_text().replace("127.0.0.1", "localhost")
        )
        home = tmp_path / "home" / ".ssh"
        home.mkdir(parents=True)
        shutil.copy(tmp_path / "user", home / "id_ed25519")  # the jump host's key is the user's
        monkeypatch.setenv("HOME", str(home.parent))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        jump = f"{sshd.address.user}@localhost:{sshd.port}"
        yield sshd, replace(sshd.address, jump=jump)


def logins(sshd: Sshd) -> int:
    return (sshd.folder / "log").read_text().count("Accepted publickey")


def test_many_machines_share_one_connection_to_their_jump_host(
    behind: tuple[Sshd, SshAddress],
) -> None:
    sshd, address = behind
    nodes = [SshTransport(f"node{number}", address) for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda node: node.run(Command(("echo", node.node))).stdout, nodes)
        assert list(answers) == [f"node{number}\n" for number in range(8)]
    for node in nodes:
        node.close()

    assert logins(sshd) == 8 + 1


def test_a_jump_host_that_lets_nobody_through(behind: tuple[Sshd, SshAddress]) -> None:
    sshd, address = behind
    keys = sshd.folder / "user.pub"
    keys.write_text(f"no-port-forwarding {keys.read_text()}")

    with pytest.raises(TransportError) as caught:
        SshTransport("node1", address).run(Command(("true",)))

    assert str(caught.value) == (
        f"node1: 127.0.0.1:{sshd.port} is reached through localhost:{sshd.port}: "
        f"localhost:{sshd.port} lets nobody through to other places. "
        "Fix: `AllowTcpForwarding local` in its sshd_config, and no such restriction on the key "
        "there"
    )


def test_a_machine_that_the_jump_host_cannot_reach(behind: tuple[Sshd, SshAddress]) -> None:
    sshd, address = behind
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert error_at(replace(address, port=port)) == (
        f"node1: 127.0.0.1:{port} cannot be reached from localhost:{sshd.port}. "
        "Fix: start sshd there, or correct the address, the port or the jump host"
    )


def test_a_machine_behind_the_jump_host_that_does_not_answer(
    behind: tuple[Sshd, SshAddress],
) -> None:
    """A listener that takes no more connections lets the next one wait for ever."""
    _, address = behind
    with contextlib.ExitStack() as open_sockets:
        full = open_sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))

        assert error_at(replace(address, port=port, connect_timeout_s=2)) == (
            f"node1: 127.0.0.1:{port} did not answer within 2 s. "
            "Fix: correct the address, or let the connection through the firewall"
        )


def test_a_jump_host_that_does_not_let_us_in(
    behind: tuple[Sshd, SshAddress], tmp_path: Path
) -> None:
    sshd, address = behind
    shutil.copy(tmp_path / "other", tmp_path / "home" / ".ssh" / "id_ed25519")

    assert error_at(address) == (
        f"node1: 127.0.0.1:{sshd.port} is reached through localhost:{sshd.port}: "
        f"localhost:{sshd.port} does not let {address.user} in with any of the user's keys. "
        "Fix: see whether `clusterkit up INVENTORY` puts the cluster's keys back"
    )


def error_at(address: SshAddress) -> str:
    transport = SshTransport("node1", address)
    with contextlib.closing(transport), pytest.raises(TransportError) as raised:
        transport.run(Command(("true",)))
    return str(raised.value)

"""Whom the SSH transport trusts, and what it says where it cannot connect."""

from __future__ import annotations

import contextlib
import socket
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.transports.ssh import SshAddress, SshTransport
from tests.contract.sshd import Sshd


def error_at(address: SshAddress) -> str:
    transport = SshTransport("node1", address)
    with contextlib.closing(transport), pytest.raises(TransportError) as raised:
        transport.run(Command(("true",)))
    assert raised.value.node == "node1"
    return str(raised.value)


def fingerprint(key_file: Path) -> str:
    fingerprint: str = paramiko.PKey.from_path(key_file).fingerprint
    assert fingerprint.startswith("SHA256:")
    return fingerprint


def test_an_unknown_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    empty = tmp_path / "known_hosts"
    empty.touch()

    assert error_at(replace(sshd.address, known_hosts=empty)) == (
        f"node1: the host key of 127.0.0.1:{sshd.port} is not known: "
        f"ssh-ed25519 {fingerprint(sshd.folder / 'host')}. "
        "Fix: see whether `clusterkit up INVENTORY` puts the cluster's keys back"
    )
    assert empty.read_text() == ""


def test_a_changed_host_key_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    other = " ".join((sshd.folder / "other.pub").read_text().split()[:2])
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sshd.port} {other}\n")

    assert error_at(replace(sshd.address, known_hosts=known)) == (
        f"node1: the host key of 127.0.0.1:{sshd.port} has changed: {known} has "
        f"ssh-ed25519 {fingerprint(sshd.folder / 'other')}, the machine offers "
        f"ssh-ed25519 {fingerprint(sshd.folder / 'host')}. Fix: see whether "
        "`clusterkit up INVENTORY` puts the cluster's keys back; "
        "if not, somebody else answers in its place"
    )


def test_without_a_cluster_the_fix_is_for_the_users_own_keys(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    users = replace(sshd.address, known_hosts=None)
    offered = f"ssh-ed25519 {fingerprint(sshd.folder / 'host')}"
    place = f"127.0.0.1:{sshd.port}"

    assert error_at(users) == (
        f"node1: the host key of {place} is not known: {offered}. "
        "Fix: compare it with the machine's own, then add it to ~/.ssh/known_hosts"
    )

    other, right = (
        " ".join((sshd.folder / name).read_text().split()[:2])
        for name in ("other.pub", "host.pub")
    )
    known = tmp_path / ".ssh" / "known_hosts"
    known.parent.mkdir()
    known.write_text(f"[127.0.0.1]:{sshd.port} {other}\n")
    assert error_at(users) == (
        f"node1: the host key of {place} has changed: ~/.ssh/known_hosts has "
        f"ssh-ed25519 {fingerprint(sshd.folder / 'other')}, the machine offers {offered}. "
        f"Fix: if the machine was made anew, `ssh-keygen -R '[127.0.0.1]:{sshd.port}'`; "
        "if not, somebody else answers in its place"
    )

    known.write_text(f"[127.0.0.1]:{sshd.port} {right}\n")
    key = sshd.folder / "other"
    assert error_at(replace(users, key_file=key)) == (
        f"node1: {place} does not let {users.user} in with {key}. "
        f"Fix: add the public key to ~/.ssh/authorized_keys of {users.user} there"
    )


def test_a_key_that_is_not_let_in(sshd: Sshd) -> None:
    other = sshd.folder / "other"

    assert error_at(replace(sshd.address, key_file=other)) == (
        f"node1: 127.0.0.1:{sshd.port} does not let {sshd.address.user} in with {other}. "
        "Fix: see whether `clusterkit up INVENTORY` puts the cluster's keys back"
    )


def test_a_key_file_that_is_not_there(sshd: Sshd, tmp_path: Path) -> None:
    missing = tmp_path / "key"

    assert error_at(replace(sshd.address, key_file=missing)) == (
        f"node1: {missing} does not exist. Fix: correct the path, or make the file"
    )


def test_nobody_listens(sshd: Sshd) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    assert error_at(replace(sshd.address, port=port)) == (
        f"node1: 127.0.0.1:{port} refused the connection. "
        "Fix: start sshd there, or correct the address or the port"
    )


def test_nobody_answers(sshd: Sshd) -> None:
    """A listener that takes no more connections lets the next one wait for ever."""
    with contextlib.ExitStack() as open_sockets:
        full = open_sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", port))

        assert error_at(replace(sshd.address, port=port, connect_timeout_s=0.3)) == (
            f"node1: 127.0.0.1:{port} did not answer within 0.3 s. "
            "Fix: correct the address, or let the connection through the firewall"
        )


def test_an_unknown_name(sshd: Sshd) -> None:
    assert error_at(replace(sshd.address, host="no-such-host.invalid")) == (
        "node1: the name no-such-host.invalid is not known. Fix: correct the address"
    )

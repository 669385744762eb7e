"""While a host key is replaced, the old one and the new one are trusted, and no third."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.transports.ssh import SshTransport
from tests.contract.sshd import Sshd


def known_hosts(sshd: Sshd, file: Path, *keys: str) -> Path:
    publics = (" ".join((sshd.folder / key).read_text().split()[:2]) for key in keys)
    file.write_text("".join(f"[127.0.0.1]:{sshd.port} {public}\n" for public in publics))
    return file


@pytest.mark.parametrize("keys", [("other.pub", "host.pub"), ("host.pub", "other.pub")])
def test_either_key_is_taken_in_any_order(
    sshd: Sshd, tmp_path: Path, keys: tuple[str, str]
) -> None:
    address = replace(sshd.address, known_hosts=known_hosts(sshd, tmp_path / "known", *keys))
    transport = SshTransport("node1", address)

    with contextlib.closing(transport):
        assert transport.run(Command(("echo", "in"))).stdout == "in\n"


def test_a_third_key_is_not(sshd: Sshd, tmp_path: Path) -> None:
    file = known_hosts(sshd, tmp_path / "known", "other.pub", "user.pub")
    transport = SshTransport("node1", replace(sshd.address, known_hosts=file))

    with contextlib.closing(transport), pytest.raises(TransportError, match="has changed"):
        transport.run(Command(("true",)))


def test_a_key_that_is_revoked_is_not(sshd: Sshd, tmp_path: Path) -> None:
    file = known_hosts(sshd, tmp_path / "known", "other.pub", "host.pub")
    revoked = " ".join((sshd.folder / "host.pub").read_text().split()[:2])
    file.write_text(f"{file.read_text()}@revoked * {revoked}\n")
    transport = SshTransport("node1", replace(sshd.address, known_hosts=file))

    with contextlib.closing(transport), pytest.raises(TransportError, match="has changed"):
        transport.run(Command(("true",)))

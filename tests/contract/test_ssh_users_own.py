"""The user's own way in: ~/.ssh/config, keys, known_hosts, machines behind others; real sshds."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import paramiko
import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.transports.ssh import SshAddress, SshTransport
from tests.contract.sshd import Sshd, running_sshd

TIMEOUT_S = 1.0


@dataclass(frozen=True)
class User:
    """Somebody with a home folder, whose key two machines let in; ``gate`` is the jump host."""

    home: Path
    machine: Sshd
    gate: Sshd

    @property
    def address(self) -> SshAddress:
        """The machine, as the inventory has it: no keys, no known_hosts of a cluster's."""
        user = self.machine.address.user
        return SshAddress("127.0.0.1", self.machine.port, user, connect_timeout_s=TIMEOUT_S)

    @property
    def jump(self) -> str:
        return f"{self.address.user}@127.0.0.1:{self.gate.port}"

    @property
    def pins(self) -> Path:
        return self.home / "state/pinned_hosts"

    def write(self, name: str, text: str) -> None:
        (self.home / ".ssh" / name).write_text(text)


@pytest.fixture(scope="session")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("gate")) as gate:
        yield gate


@pytest.fixture
def user(tmp_path: Path, sshd: Sshd, gate: Sshd, monkeypatch: pytest.MonkeyPatch) -> User:
    """Both machines let in one key, which is the user's; their host keys are not known yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    (tmp_path / ".ssh").mkdir(mode=0o700)
    shutil.copy(sshd.folder / "user", tmp_path / ".ssh/id_ed25519")
    shutil.copy(sshd.folder / "user.pub", gate.folder / "user.pub")
    return User(tmp_path, sshd, gate)


def known_as(sshd: Sshd, key: str = "host") -> str:
    """A line of known_hosts, with the right key or another."""
    kind, public, *_ = (sshd.folder / f"{key}.pub").read_text().split()
    return f"[127.0.0.1]:{sshd.port} {kind} {public}\n"


def fingerprint(sshd: Sshd, key: str = "host") -> str:
    found: str = paramiko.PKey.from_path(sshd.folder / key).fingerprint
    return f"ssh-ed25519 {found}"


def said_at(address: SshAddress) -> str:
    """What a program there prints, or why it cannot."""
    transport = SshTransport("node1", address)
    with contextlib.closing(transport):
        try:
            return transport.run(Command(("echo", "in"))).stdout
        except TransportError as error:
            return str(error)


def test_a_key_that_is_accepted_is_pinned_once_and_nowhere_else(user: User):
    address = replace(user.address, pins=user.pins, accept_new=True)

    assert [said_at(address), said_at(address)] == ["in\n", "in\n"]

    assert user.pins.read_text() == known_as(user.machine)
    assert f"{user.pins.stat().st_mode & 0o777:o}" == "600"
    assert not (user.home / ".ssh/known_hosts").exists()


def test_a_pinned_key_is_trusted_when_no_new_one_would_be(user: User):
    user.pins.parent.mkdir()
    user.pins.write_text(known_as(user.machine))

    assert said_at(replace(user.address, pins=user.pins)) == "in\n"


@pytest.mark.parametrize("where", ["pinned", "in the user's known_hosts"])
def test_another_key_than_the_pinned_one_is_refused(user: User, where: str):
    user.pins.parent.mkdir()
    pinned = where == "pinned"
    file = user.pins if pinned else user.home / ".ssh/known_hosts"
    file.write_text(known_as(user.machine, "other"))

    with_f = f"-f {user.pins} " if pinned else ""
    place = f"127.0.0.1:{user.machine.port}"
    assert said_at(replace(user.address, pins=user.pins, accept_new=True)) == (
        f"node1: the host key of {place} has changed: "
        f"{user.pins if pinned else '~/.ssh/known_hosts'} has "
        f"{fingerprint(user.machine, 'other')}, the machine offers {fingerprint(user.machine)}. "
        f"Fix: if the machine was made anew, `ssh-keygen {with_f}-R "
        f"'[127.0.0.1]:{user.machine.port}'`; if not, somebody else answers in its place"
    )
    assert file.read_text() == known_as(user.machine, "other")


def test_a_key_of_another_type_is_no_new_one(user: User):
    """Who has pinned an ECDSA key must not take an Ed25519 key for the first one."""
    public = paramiko.ECDSAKey.generate()
    user.pins.parent.mkdir()
    line = f"[127.0.0.1]:{user.machine.port} {public.get_name()} {public.get_base64()}\n"
    user.pins.write_text(line)

    said = said_at(replace(user.address, pins=user.pins, accept_new=True))

    assert said.startswith(f"node1: the host key of 127.0.0.1:{user.machine.port} has changed: ")
    assert user.pins.read_text() == line


def test_a_revoked_key_is_not_accepted_as_a_new_one(user: User):
    user.write("known_hosts", f"@revoked * {known_as(user.machine).partition(' ')[2]}")

    said = said_at(replace(user.address, pins=user.pins, accept_new=True))

    assert said == (
        f"node1: the host key of 127.0.0.1:{user.machine.port} is revoked: "
        f"{fingerprint(user.machine)}. Fix: give it a new one"
    )
    assert not user.pins.exists()


def test_the_config_says_where_a_machine_is(user: User):
    user.write("known_hosts", known_as(user.machine) + known_as(user.gate))
    user.write(
        "config",
        f"Host gpu01\n  HostName 127.0.0.1\n  Port {user.machine.port}\n"
        f"  User {user.address.user}\n  ProxyJump gate\n"
        f"Host gate\n  HostName 127.0.0.1\n  Port {user.gate.port}\n  User {user.address.user}\n",
    )

    assert said_at(SshAddress("gpu01", connect_timeout_s=TIMEOUT_S)) == "in\n"


def test_the_config_names_the_known_hosts(user: User):
    (user.home / "lab").write_text(known_as(user.machine))
    user.write("config", "Host *\n  UserKnownHostsFile ~/lab\n")

    assert said_at(user.address) == "in\n"


def test_only_the_identities_of_the_config(user: User):
    """Its key is not let in; the one that would be is among the usual ones."""
    user.write("known_hosts", known_as(user.machine))
    other = user.machine.folder / "other"
    user.write("config", f"Host *\n  IdentityFile {other}\n")
    assert said_at(user.address) == "in\n"

    user.write("config", f"Host *\n  IdentityFile {other}\n  IdentitiesOnly yes\n")
    name = user.address.user
    assert said_at(user.address) == (
        f"node1: 127.0.0.1:{user.machine.port} does not let {name} in with any of the user's "
        f"keys. Fix: add the public key to ~/.ssh/authorized_keys of {name} there"
    )


def test_a_user_that_is_not_let_in(user: User):
    user.write("known_hosts", known_as(user.machine))

    assert said_at(replace(user.address, user="nobody-here")) == (
        f"node1: 127.0.0.1:{user.machine.port} does not let nobody-here in with any of the "
        "user's keys. Fix: add the public key to ~/.ssh/authorized_keys of nobody-here there"
    )


def test_behind_another_machine_each_proves_itself(user: User):
    user.write("known_hosts", known_as(user.machine) + known_as(user.gate))

    assert said_at(replace(user.address, jump=user.jump)) == "in\n"


def test_the_key_of_a_jump_host_is_no_less_verified(user: User):
    user.write("known_hosts", known_as(user.machine))
    behind = f"node1: 127.0.0.1:{user.machine.port} is reached through 127.0.0.1:{user.gate.port}"

    assert said_at(replace(user.address, jump=user.jump)) == (
        f"{behind}: the host key of 127.0.0.1:{user.gate.port} is not known: "
        f"{fingerprint(user.gate)}. "
        "Fix: compare it with the machine's own, then add it to ~/.ssh/known_hosts"
    )

    user.write("known_hosts", known_as(user.machine) + known_as(user.gate, "other"))
    said = said_at(replace(user.address, jump=user.jump, pins=user.pins, accept_new=True))
    assert said.startswith(f"{behind}: the host key of 127.0.0.1:{user.gate.port} has changed: ")


def test_the_key_of_what_is_behind_a_jump_host_is_verified_as_well(user: User):
    user.write("known_hosts", known_as(user.gate))

    assert said_at(replace(user.address, jump=user.jump)) == (
        f"node1: the host key of 127.0.0.1:{user.machine.port} is not known: "
        f"{fingerprint(user.machine)}. "
        "Fix: compare it with the machine's own, then add it to ~/.ssh/known_hosts"
    )


def test_new_keys_of_both_are_pinned(user: User):
    address = replace(user.address, jump=user.jump, pins=user.pins, accept_new=True)

    assert [said_at(address), said_at(address)] == ["in\n", "in\n"]
    assert user.pins.read_text() == known_as(user.gate) + known_as(user.machine)


@contextlib.contextmanager
def deaf() -> Iterator[int]:
    """A port at which connections wait to be taken, for ever."""
    with contextlib.ExitStack() as sockets:
        full = sockets.enter_context(socket.socket())
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()[1]


@contextlib.contextmanager
def mute() -> Iterator[int]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("kind", [deaf, mute])
@pytest.mark.parametrize("who", ["the machine", "the jump host"])
def test_who_says_nothing_is_given_up_in_time(
    user: User, kind: Callable[[], AbstractContextManager[int]], who: str
):
    user.write("known_hosts", known_as(user.machine) + known_as(user.gate))
    with kind() as port:
        address = replace(user.address, jump=user.jump)
        if who == "the machine":
            address = replace(address, port=port)
        else:
            address = replace(address, jump=f"{address.user}@127.0.0.1:{port}")
        said = said_at(address)

    fix = "Fix: correct the address, or let the connection through the firewall"
    silent = f"127.0.0.1:{port}"
    way = f"127.0.0.1:{address.port} is reached through {silent}: "
    if who == "the machine":
        way = ""
    assert said == f"node1: {way}{silent} did not answer within 1 s. {fix}"


def test_the_configuration_is_read_with_the_files_that_it_includes(user: User):
    (user.home / ".ssh/conf.d").mkdir()
    user.write("conf.d/lab", f"Host lab\n  HostName 127.0.0.1\n  Port {user.machine.port} # its\n")
    user.write("conf.d/empty", "")
    user.write("config", "Host other\n  Port 1\nHost *\n  Include conf.d/* ~/no-such\n  Port 2\n")
    user.write("known_hosts", known_as(user.machine))

    assert said_at(replace(user.address, host="lab", port=None)) == "in\n"


@pytest.mark.parametrize("accept_new", [False, True])
def test_a_host_key_has_the_name_that_the_configuration_gives_it(user: User, accept_new: bool):
    user.write("config", "Host 127.0.0.1\n  HostKeyAlias its-name\n")
    line = known_as(user.machine).split(" ", 1)[1]
    if not accept_new:
        user.write("known_hosts", f"its-name {line}")
    address = replace(user.address, pins=user.pins, accept_new=accept_new)

    assert said_at(address) == "in\n"
    assert [f.read_text() for f in (user.pins,) if f.exists()] == (
        [f"its-name {line.strip()}\n"] if accept_new else []
    )

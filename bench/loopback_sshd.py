"""Many machines on one: sshd on loopback addresses, with keys made for it."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

KEY_EXCHANGE = "curve25519-sha256"
"""What everybody uses: OpenSSH's own first choice costs several times as much."""

_PER_SSHD = 16
"""So many addresses can one sshd listen on."""

_SSHD = """\
Port {port}
{listen}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/id.pub
KexAlgorithms {kex},{kex}@libssh.org
PasswordAuthentication no
PermitRootLogin prohibit-password
UsePAM no
UseDNS no
StrictModes no
PidFile none
MaxStartups 1000
{homes}
"""
_HOME = """\
Match LocalAddress {address}
  SetEnv HOME={home}
  AuthorizedKeysFile {folder}/id.pub {home}/.ssh/authorized_keys
"""


@dataclass(frozen=True, slots=True)
class Machines:
    """Addresses with one port, one user, one host key and one key that is let in.

    Each has a home folder of its own; the rest of the machine is shared.
    """

    addresses: tuple[str, ...]
    port: int
    folder: Path
    user: str

    @property
    def key_file(self) -> Path:
        """The private key that is let in."""
        return self.folder / "id"

    @property
    def known_hosts(self) -> Path:
        """A line with the host key for each address."""
        return self.folder / "known_hosts"


@contextmanager
def machines(folder: Path, count: int) -> Iterator[Machines]:
    """Start sshd on ``count`` addresses; nothing of it runs afterwards.

    The addresses are those of this machine alone, so nobody else can reach them.
    """
    for name in ("host_key", "id"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name]
        subprocess.run(keygen, check=True)
    net = f"127.{secrets.randbelow(200) + 10}.{secrets.randbelow(256)}"
    addresses = tuple(f"{net}.{number}" for number in range(1, count + 1))
    with socket.create_server((addresses[0], 0)) as free:
        port = free.getsockname()[1]
    host_key = (folder / "host_key.pub").read_text().strip()
    lines = [f"[{address}]:{port} {host_key}\n" for address in addresses]
    (folder / "known_hosts").write_text("".join(lines))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd's own, which no package makes in containers
    with ExitStack() as running:
        for begin in range(0, count, _PER_SSHD):
            running.enter_context(_sshd(folder, addresses[begin : begin + _PER_SSHD], port))
        yield Machines(addresses, port, folder, getpass.getuser())


@contextmanager
def _sshd(folder: Path, addresses: tuple[str, ...], port: int) -> Iterator[None]:
    homes = {address: folder / "homes" / address for address in addresses}
    for home in homes.values():
        home.mkdir(parents=True)
    blocks = [_HOME.format(address=a, home=home, folder=folder) for a, home in homes.items()]
    config = folder / f"sshd_config.{addresses[0]}"
    config.write_text(
        _SSHD.format(
            port=port,
            listen="\n".join(f"ListenAddress {address}" for address in addresses),
            folder=folder,
            kex=KEY_EXCHANGE,
            homes="".join(blocks),
        )
    )
    log = config.with_suffix(".log")
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    process = subprocess.Popen([program, "-D", "-E", log, "-f", config])
    try:
        _wait_for(addresses[-1], port, process, log)
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for(
    address: str, port: int, process: subprocess.Popen[bytes], log: Path, within_s: float = 10
) -> None:
    deadline = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"sshd does not listen: {log.read_text()}") from error
            time.sleep(0.02)
        else:
            return

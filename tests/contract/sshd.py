"""A real sshd of our own: on a free port, with keys made for it, ended by whoever started it."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clusterkit.transports.ssh import SshAddress


@dataclass(frozen=True)
class Sshd:
    port: int
    folder: Path
    pid: int

    @property
    def address(self) -> SshAddress:
        return SshAddress(
            "127.0.0.1",
            self.port,
            getpass.getuser(),
            key_file=self.folder / "user",
            known_hosts=self.folder / "known_hosts",
        )

    def cut(self) -> None:
        """End the server's side of every connection, as a machine that goes down does."""
        for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


@contextmanager
def running_sshd(folder: Path, *settings: str) -> Iterator[Sshd]:
    for name in ("host", "user", "other"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(keygen, check=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    host_key = " ".join((folder / "host.pub").read_text().split()[:2])
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {host_key}\n")
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/user.pub\nPidFile none\nUsePAM no\nStrictModes no\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 100\n"
        + "".join(f"{line}\n" for line in settings)  # the last MaxStartups counts
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # a new machine has none before sshd's first start
    program = shutil.which("sshd") or "/usr/sbin/sshd"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log
        )
        try:
            _wait_for(port, process, folder / "log")
            yield Sshd(port, folder, process.pid)
        finally:
            process.terminate()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"sshd does not listen: {log.read_text()}") from error
            time.sleep(0.02)
        else:
            return

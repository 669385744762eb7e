"""Many threads that want one connection open it once; what fails, fails once for all of them."""

from __future__ import annotations

import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.transports.ssh import SshTransport
from tests.contract.sshd import Sshd, running_sshd


def test_who_waited_for_a_connection_that_failed_does_not_try_it_again(sshd: Sshd) -> None:
    """A server that takes a connection and says nothing costs the whole time limit each time."""
    tries = 0

    def take() -> None:
        nonlocal tries
        with contextlib.suppress(OSError):
            while True:
                silent.append(server.accept()[0])
                tries += 1

    silent: list[socket.socket] = []
    server = socket.create_server(("127.0.0.1", 0))
    address = replace(sshd.address, port=server.getsockname()[1], connect_timeout_s=1)
    transport = SshTransport("node1", address)
    together = threading.Barrier(4)

    def fail(_number: int) -> str:
        together.wait(5)
        try:
            transport.run(Command(("true",)))
        except TransportError as error:
            return str(error)
        return "it answered"

    threading.Thread(target=take, daemon=True).start()
    try:
        with ThreadPoolExecutor(4) as pool:
            messages = set(pool.map(fail, range(4)))
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        for each in silent:
            each.close()
        transport.close()

    assert len(messages) == 1, messages
    assert messages != {"it answered"}
    assert tries == 1


def test_what_a_login_shell_prints_first_is_no_part_of_the_talk(tmp_path: Path) -> None:
    with running_sshd(tmp_path) as sshd:
        noisy = r'command="echo noise; echo more >&2; eval \"$SSH_ORIGINAL_COMMAND\""'
        keys = tmp_path / "user.pub"
        keys.write_text(f"{noisy} {keys.read_text()}")
        with contextlib.closing(SshTransport("here", sshd.address)) as transport:
            channel = transport.dial(("cat",))
            channel.sendall(b"ours")
            channel.shutdown_write()
            answer = channel.makefile("rb").read()
            nothing = transport.dial(("no-such-program",)).makefile("rb").read()

    assert (answer, nothing) == (b"ours", b"")

"""Promise 8: a port of the node, wherever it is; and the tunnel that leads there from here."""

from __future__ import annotations

import contextlib
import hashlib
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError, UsageError
from clusterkit.transports.base import Link, Process
from clusterkit.transports.ssh import SshTransport
from clusterkit.transports.tunnel import Tunnel, open_tunnel
from tests.contract.conftest import Place, poll_until
from tests.contract.sshd import running_sshd

MIB = 1 << 20
# Does what the first line of each connection says; tells how much it could send so far.
SERVER = r"""
import hashlib, os, socket, sys, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
def serve(one):
    file = one.makefile("rb")
    what, _, size = file.readline().decode().strip().partition(" ")
    if what == "digest":
        seen = hashlib.sha256(file.read()).hexdigest()
        one.sendall(seen.encode())
    elif what == "send":
        sent = 0
        while sent < int(size):
            sent += one.send(bytes(min(65536, int(size) - sent)))
            print("sent", sent, flush=True)
    elif what == "break":
        one.sendall(b"half")
        file.readline()
        os._exit(9)
    one.shutdown(socket.SHUT_WR)
    while file.read(65536):
        pass
    one.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


@dataclass
class Served:
    """The server on a node."""

    place: Place
    process: Process
    port: int
    sent: list[int]

    def connect(self) -> Link:
        return self.place.transport.connect("127.0.0.1", self.port)


@pytest.fixture
def served(place: Place) -> Iterator[Served]:
    with serving(place) as made:
        yield made


@contextlib.contextmanager
def serving(place: Place) -> Iterator[Served]:
    ports: queue.Queue[int] = queue.Queue()
    sent: list[int] = []

    def hear(_: object, line: str) -> None:
        if line.startswith("sent "):
            sent.append(int(line.split()[1]))
        elif line.isdigit():
            ports.put(int(line))

    process = place.transport.start(Command(("python3", "-c", SERVER)), hear)
    try:
        yield Served(place, process, ports.get(timeout=20), sent)
    finally:
        with contextlib.suppress(TransportError):  # of a test that breaks the connection
            process.signal("KILL")
            process.wait(20)


@pytest.fixture
def tunnel(served: Served) -> Iterator[Tunnel]:
    with open_tunnel(served.connect, 0) as made:
        yield made


def everything(receive: Callable[[], bytes]) -> bytes:
    return b"".join(iter(receive, b""))


def test_each_side_ends_its_own_direction(served: Served) -> None:
    link = served.connect()
    data = bytes(range(256)) * 4096 * 5

    link.send(b"digest\n" + data)
    link.end()

    assert everything(link.receive).decode() == hashlib.sha256(data).hexdigest()
    assert link.receive() == b""
    link.close()


def test_a_slow_reader_holds_back_the_sender(served: Served) -> None:
    link = served.connect()
    whole = 64 * MIB

    link.send(f"send {whole}\n".encode())
    first = link.receive()
    seen = [0]

    def stands_still() -> bool:
        before, seen[0] = seen[0], (served.sent or [0])[-1]
        threading.Event().wait(0.5)
        return before == (served.sent or [0])[-1] > 0

    poll_until(stands_still, 30)
    held = served.sent[-1]
    rest = everything(link.receive)

    assert held < whole / 2, held
    assert len(first) + len(rest) == whole
    link.close()


def test_nobody_listens(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        place.transport.connect("127.0.0.1", port)


def test_a_server_that_dies_is_no_end(served: Served) -> None:
    """The kernel resets the connection where what was sent was not read."""
    link = served.connect()
    link.send(b"break\n")
    assert link.receive() == b"half"
    with contextlib.suppress(OSError):  # an end, or an error: it only must not hang
        link.send(b"more\n" + bytes(4 * MIB))
        assert link.receive() == b""
    link.close()


def test_many_go_through_a_tunnel_at_once(tunnel: Tunnel) -> None:
    data = bytes(range(256)) * 4096  # 1 MiB

    def ask(number: int) -> bool:
        mine = f"{number}\n".encode() + data
        with socket.create_connection(("127.0.0.1", tunnel.port), timeout=60) as client:
            client.sendall(b"digest\n" + mine)
            client.shutdown(socket.SHUT_WR)
            answer = everything(partial(client.recv, 65536))
        return answer.decode() == hashlib.sha256(mine).hexdigest()

    with ThreadPoolExecutor(40) as pool:
        assert all(pool.map(ask, range(40)))


def test_a_client_of_a_tunnel_sees_the_end_of_its_server(served: Served) -> None:
    failures: list[str] = []
    with open_tunnel(served.connect, 0, on_failure=failures.append) as tunnel:
        client = socket.create_connection(("127.0.0.1", tunnel.port), timeout=30)
        client.sendall(b"break\n")
        assert client.recv(10) == b"half"
        served.process.signal("KILL")
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(10) == b""
        client.close()

        def is_told() -> bool:
            with (
                contextlib.suppress(ConnectionError),
                socket.create_connection(("127.0.0.1", tunnel.port), timeout=30) as other,
            ):
                assert other.recv(1) == b""
            return bool(failures)

        poll_until(is_told)


def test_a_port_that_is_taken_is_another_or_refused(served: Served) -> None:
    with open_tunnel(served.connect, 0) as one:
        with open_tunnel(served.connect, one.port) as other:
            assert other.port != one.port
        with pytest.raises(UsageError, match=f"port {one.port} of this machine"):
            open_tunnel(served.connect, one.port, exactly=True)


def test_sshd_that_forwards_nothing(tmp_path: Path) -> None:
    with running_sshd(tmp_path, "AllowTcpForwarding no") as sshd:
        transport = SshTransport("here", sshd.address)
        with contextlib.closing(transport), serving(Place("ssh", transport, "")) as served:
            test_each_side_ends_its_own_direction(served)
            test_a_slow_reader_holds_back_the_sender(served)
            with pytest.raises(ConnectionRefusedError):
                transport.connect("127.0.0.1", 1)


def test_a_connection_that_breaks(request: pytest.FixtureRequest) -> None:
    sshd = request.getfixturevalue("sshd")
    transport = SshTransport("here", sshd.address)
    with contextlib.closing(transport), serving(Place("ssh", transport, "")) as served:
        link = served.connect()
        link.send(b"send 100000000\n")
        link.receive()
        sshd.cut()
        with pytest.raises(OSError, match="lost"):
            everything(link.receive)
        link.close()
    # the server has lost its stdout with the connection, and ends when it writes

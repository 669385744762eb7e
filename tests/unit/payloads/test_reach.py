"""The payload as it runs on nodes: alone, over real sockets of this machine."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from clusterkit.payloads import reach

SOURCE = Path(str(reach.__file__)).read_text()
HERE = "127.0.0.1"


class Node:
    """One run of the payload."""

    def __init__(self, name: str, address: str = HERE) -> None:
        self.name, self.token = name, f"{name} 0a1b"
        argv = [sys.executable, "-I", "-c", SOURCE, address, self.token]
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.door = self.line()

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def peer(self, **changes: Any) -> dict[str, Any]:
        """This node as the others are told of it."""
        port = self.door["port"]
        peer = {"name": self.name, "address": HERE, "port": port, "token": self.token}
        return {**peer, "sshd_port": None, **changes}

    def tell(self, *peers: dict[str, Any], timeout_s: float = 5) -> dict[str, Any]:
        assert self.process.stdin is not None
        order = {"peers": peers, "timeout_s": timeout_s}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return self.line()

    def end(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        code = self.process.wait(10)
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return code


@pytest.fixture
def nodes() -> Iterator[tuple[Node, Node]]:
    made = Node("node1"), Node("node2")
    codes = []
    try:
        yield made
    finally:
        codes = [node.end() for node in made]
    assert codes == [0, 0]


@contextmanager
def answering(said: bytes | None) -> Iterator[int]:
    """A port whose owner says something, or (None) nothing at all, to whoever calls."""
    with socket.create_server((HERE, 0)) as listener:
        held: list[socket.socket] = []

        def answer() -> None:
            try:
                caller = listener.accept()[0]
            except OSError:
                return
            held.append(caller)
            if said is not None:
                caller.sendall(said)
                caller.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)
        for each in held:
            each.close()


def test_two_nodes_reach_each_other(nodes: tuple[Node, Node]):
    one, two = nodes
    with answering(b"SSH-2.0-OpenSSH_9.2\r\n") as sshd:
        forth = one.tell(two.peer(sshd_port=sshd))
        back = two.tell(one.peer())

    assert forth == {"tried": 2, "blocked": []}
    assert back == {"tried": 1, "blocked": []}


def test_what_is_not_reached_is_named_with_why(nodes: tuple[Node, Node]):
    one, two = nodes
    with socket.socket() as taken:
        taken.bind((HERE, 0))  # and nobody listens
        answer = one.tell(two.peer(port=taken.getsockname()[1]))

    why = "connection refused"
    assert answer["blocked"] == [{"to": "node2", "service": "listener", "why": why}]


def test_an_address_that_another_machine_has_is_not_reached(nodes: tuple[Node, Node]):
    one, two = nodes

    answer = one.tell({**two.peer(), "name": "node3", "token": "node3 0a1b"})

    why = "something else answers: 'node2 0a1b\\n'"
    assert answer["blocked"] == [{"to": "node3", "service": "listener", "why": why}]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"220 smtp.example.net\r\n", "something else answers: '220 smtp.example.net\\r\\n'"),
        (b"", "closed without a word"),
        (None, "connected, and no word within 0.5 s"),
    ],
)
def test_a_port_of_sshd_where_no_sshd_answers(
    nodes: tuple[Node, Node], said: bytes | None, why: str
):
    one, two = nodes
    with answering(said) as port:
        answer = one.tell(two.peer(sshd_port=port), timeout_s=0.5)

    assert answer == {
        "tried": 2,
        "blocked": [{"to": "node2", "service": "sshd", "why": why}],
    }


def test_an_address_that_is_not_the_nodes_own_cannot_be_listened_on():
    node = Node("node1", "203.0.113.1")
    try:
        assert node.door == {
            "port": None,
            "error": "cannot listen on 203.0.113.1: Cannot assign requested address",
        }
    finally:
        node.end()


def test_hundreds_are_called_at_once(nodes: tuple[Node, Node]):
    one, two = nodes

    answer = one.tell(*(two.peer(name=f"n{number}") for number in range(700)))

    assert answer == {"tried": 700, "blocked": []}

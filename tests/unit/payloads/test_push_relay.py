"""One node's passage, with real connections on a loopback address."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clusterkit.payloads.push_plan import Part
from clusterkit.payloads.push_relay import Broken, Relay

TOKEN = "t" * 64
CONTENT = os.urandom((2 << 20) + 7)
SIZES = {"rank0": len(CONTENT)}
ALL = Part("rank0", 0, 0, None)
DEADLINE_S = 30


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


class Kept:
    """What a passage keeps, and how it ends."""

    def __init__(self, **arguments: Any) -> None:
        self.chunks: list[tuple[int, bytes]] = []
        self.fault: Broken | None = None
        self.relay = Relay(
            arguments.pop("parts", [ALL]),
            SIZES,
            path=arguments.pop("path", Path),
            keep=lambda _, position, chunk: self.chunks.append((position, bytes(chunk))),
            **arguments,
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.relay.run()
        except Broken as fault:
            self.fault = fault

    def end(self) -> tuple[str, str] | None:
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()
        return (self.fault.side, self.fault.why) if self.fault else None

    @property
    def content(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)


def call(listener: socket.socket, said: bytes) -> socket.socket:
    caller = socket.create_connection(listener.getsockname(), timeout=DEADLINE_S)
    caller.sendall(said)
    return caller


def is_shown_out(caller: socket.socket) -> bool:
    with caller, contextlib.suppress(ConnectionResetError):
        return caller.recv(1) == b""
    return True


def test_only_who_has_the_token_is_listened_to(listener: socket.socket):
    kept = Kept(listener=listener, token=TOKEN)
    silent = call(listener, b"")
    half = call(listener, TOKEN[:9].encode())
    wrong = call(listener, b"x" * 64 + b"\n" + CONTENT[:1000])
    garbage = call(listener, b"GET / HTTP/1.0\r\n\r\n" * 100)
    assert [is_shown_out(wrong), is_shown_out(garbage)] == [True, True]
    with call(listener, f"{TOKEN}\n".encode() + CONTENT):
        assert kept.end() is None

    assert kept.content == CONTENT
    assert [is_shown_out(silent), is_shown_out(half)] == [True, True]


def test_what_is_lacking_is_kept_in_chunks_and_only_that(listener: socket.socket):
    kept = Kept(listener=listener, token=TOKEN, parts=[Part("rank0", 0, 1 << 20, None)])
    with call(listener, f"{TOKEN}\n".encode() + CONTENT):
        assert kept.end() is None

    assert kept.chunks == [(1 << 20, CONTENT[1 << 20 : 2 << 20]), (2 << 20, CONTENT[2 << 20 :])]


def test_what_is_whole_here_is_passed_on_from_the_disk(tmp_path: Path, listener: socket.socket):
    (tmp_path / "rank0").write_bytes(CONTENT)
    port = listener.getsockname()[1]
    to = {"address": "127.0.0.1", "port": port, "token": TOKEN}
    part = Part("rank0", None, None, 1 << 20)
    kept = Kept(parts=[part], path=tmp_path.joinpath, following=to)
    heard = b""
    with listener.accept()[0] as connection:
        while more := connection.recv(1 << 20):
            heard += more

    assert kept.end() is None
    assert heard == TOKEN.encode() + b"\n" + CONTENT[1 << 20 :]


def test_an_early_end_is_the_previous_nodes(listener: socket.socket):
    kept = Kept(listener=listener, token=TOKEN)
    call(listener, f"{TOKEN}\n".encode() + CONTENT[:-1]).close()

    assert kept.end() == ("previous", "the connection ended")
    assert len(kept.content) in (0, 1 << 20, 2 << 20)  # what waited for the disk may be lost
    assert CONTENT.startswith(kept.content)


def test_a_next_node_that_does_not_listen_is_told_of(tmp_path: Path):
    (tmp_path / "rank0").write_bytes(CONTENT)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    to = {"address": "127.0.0.1", "port": port, "token": TOKEN}
    part = Part("rank0", None, None, 0)
    kept = Kept(parts=[part], path=tmp_path.joinpath, following=to)

    assert kept.end() == ("next", "Connection refused")


def test_a_file_that_is_shorter_than_it_should_be_is_told_of(
    tmp_path: Path, listener: socket.socket
):
    (tmp_path / "rank0").write_bytes(CONTENT[:-1])
    to = {"address": "127.0.0.1", "port": listener.getsockname()[1], "token": TOKEN}
    part = Part("rank0", None, None, 0)
    kept = Kept(parts=[part], path=tmp_path.joinpath, following=to)

    assert kept.end() == ("here", "rank0 is shorter than its manifest says")


@pytest.mark.parametrize(
    "said",
    [b"", f"{TOKEN}\n".encode(), f"{TOKEN}\n".encode() + CONTENT[:9]],
    ids=["nothing", "its token", "its token and some bytes"],
)
def test_one_that_is_stopped_ends_at_once_whatever_it_waits_for(
    listener: socket.socket, said: bytes
):
    kept = Kept(listener=listener, token=TOKEN)
    with call(listener, said):
        kept.relay.stop()
        assert kept.end() == ("here", "stopped")

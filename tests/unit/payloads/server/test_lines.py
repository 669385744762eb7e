"""Rank 0 knows who is gone."""

from __future__ import annotations

import queue
import socket
from collections.abc import Iterator

import pytest

from clusterkit.payloads.server.lines import Line, Lines, why_gone

NODES = {0: "node1", 1: "node2", 2: "node3"}
ROW = {"device": "cpu"}
Gone = queue.Queue[tuple[int, str | None]]


def _unexpected(rank: int) -> None:
    raise AssertionError(f"rank {rank} is not silent")


@pytest.fixture
def gone() -> Gone:
    return queue.Queue()


@pytest.fixture
def lines(gone: Gone) -> Iterator[Lines]:
    made = Lines(3, lambda rank, words: gone.put((rank, words)), _unexpected)
    yield made
    made.close()


def test_who_is_gone_without_a_word(lines: Lines, gone: Gone) -> None:
    one, two = Line(lines.address, 1, ROW), Line(lines.address, 2, ROW)
    lines.wait()

    two.close()

    assert gone.get(timeout=5) == (2, None)
    one.close()
    assert gone.get(timeout=5) == (1, None)


def test_last_words(lines: Lines, gone: Gone) -> None:
    line = Line(lines.address, 1, ROW)

    line.tell(error="OutOfMemoryError: 2 GiB")
    line.close()

    assert gone.get(timeout=5) == (1, "OutOfMemoryError: 2 GiB")


def test_a_rank_sees_that_rank_0_is_gone(lines: Lines) -> None:
    line = Line(lines.address, 1, ROW)
    assert not line.broke(within_s=0.05)

    lines.close()

    assert line.broke(within_s=5)
    line.close()


def test_rows_are_the_latest(lines: Lines, gone: Gone) -> None:
    line = Line(lines.address, 1, ROW)
    line.tell(row={"device": "cpu", "memory_bytes": 5})
    line.close()
    gone.get(timeout=5)

    assert lines.rows == {1: {"device": "cpu", "memory_bytes": 5}}


def test_a_stranger_is_sent_away(lines: Lines, gone: Gone) -> None:
    host, port, _ = lines.address

    for said in (
        b'{"rank": 1, "token": "guess", "row": {}}\n',
        b"GET / HTTP/1.1\r\n\r\n",
        b"[]\n",
    ):
        with socket.create_connection((host, port), timeout=5) as stranger:
            stranger.sendall(said)
            assert stranger.recv(1) == b""

    assert (lines.rows, gone.qsize()) == ({}, 0)
    Line(lines.address, 2, ROW).close()
    assert gone.get(timeout=5) == (2, None)


def test_who_is_silent_is_told_once_and_who_beats_is_not() -> None:
    silent: queue.Queue[int] = queue.Queue()
    lines = Lines(3, lambda *_: None, silent.put, silent_s=2.5)
    beating, frozen = Line(lines.address, 1, ROW), Line(lines.address, 2, ROW)
    try:
        frozen._is_closed.set()  # as if its process was stopped

        assert silent.get(timeout=10) == 2
        with pytest.raises(queue.Empty):
            silent.get(timeout=3)
    finally:
        for each in (beating, frozen, lines):
            each.close()


def test_the_end_is_no_failure(lines: Lines, gone: Gone) -> None:
    one, two = Line(lines.address, 1, ROW), Line(lines.address, 2, ROW)
    lines.wait()
    lines.expect_end()

    one.close()
    two.close()
    lines.close()

    assert gone.qsize() == 0


def test_who_was_killed_is_named_before_who_failed_with_it() -> None:
    said = {2: "RuntimeError: Connection closed by peer", 1: None}

    assert why_gone(said, "RuntimeError: reset", NODES.get) == "rank 1 on node2 is gone"


def test_who_is_silent_is_named_before_who_failed_with_it() -> None:
    said: dict[int, str | None] = {2: "RuntimeError: timed out"}

    assert why_gone(said, "x", NODES.get, [1]) == "rank 1 on node2 has not answered for 10 s"
    assert why_gone({}, "x", NODES.get, [1, 2]) == (
        "rank 1 on node2 and rank 2 on node3 have not answered for 10 s"
    )


def test_two_who_were_killed() -> None:
    why = why_gone({1: None, 2: None}, None, NODES.get)

    assert why == "rank 1 on node2 and rank 2 on node3 are gone"


def test_the_first_who_failed_is_named() -> None:
    why = why_gone({2: "OutOfMemoryError: 2 GiB", 1: "RuntimeError: closed"}, "x", NODES.get)

    assert why == "rank 2 on node3 failed: OutOfMemoryError: 2 GiB"


def test_rank_0_itself_failed_where_nobody_else_did() -> None:
    assert why_gone({}, "ValueError: no", NODES.get) == "rank 0 on node1 failed: ValueError: no"
    assert why_gone({}, "ValueError: no", {}.get) == "rank 0 failed: ValueError: no"

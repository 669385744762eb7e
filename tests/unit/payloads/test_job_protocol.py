from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from clusterkit.payloads.job_protocol import Channel, LineSplitter, Message, encode
from clusterkit.payloads.loop import Loop


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"one\ntwo\n"], [b"one", b"two"]),
        ([b"o", b"ne", b"\ntw", b"o\n\nx"], [b"one", b"two", b"", b"x"]),
        ([b"12345", b"6789", b"0\nab"], [b"123456789", b"0", b"ab"]),
        ([b"123456789012\nab\n"], [b"123456789012", b"ab"]),
        ([], []),
    ],
)
def test_splitter(chunks: list[bytes], lines: list[bytes]) -> None:
    splitter = LineSplitter(limit_bytes=8)

    seen = [line for chunk in chunks for line in splitter.feed(chunk)]

    assert seen + splitter.end() == lines


class Ends:
    """Two channels that talk to each other."""

    def __init__(self, loop: Loop) -> None:
        self.heard: list[Message] = []
        self.hung_up = 0
        self.there, self.here = os.pipe(), os.pipe()
        self.left = Channel(loop, self.there[0], self.here[1], self.heard.append, self.end)
        self.right = Channel(loop, self.here[0], self.there[1], self.heard.append, self.end)

    def end(self) -> None:
        self.hung_up += 1


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def test_messages_arrive_whole_in_order_and_without_waiting(loop: Loop) -> None:
    ends = Ends(loop)
    sent: list[Message] = [
        {"t": "a", "text": "ünï\n\0"},
        {"t": "b", "big": "x" * 5_000_000},
        {"t": "c"},
    ]
    for message in sent:
        ends.left.send(message)  # nobody has read yet, and a pipe holds 64 KiB

    assert ends.left.backlog_bytes > 4_000_000
    assert loop.run_until(lambda: len(ends.heard) == 3, 10)
    assert ends.heard == sent
    assert ends.left.backlog_bytes == 0
    ends.left.close()
    assert loop.run_until(lambda: ends.hung_up == 1, 5)
    ends.right.close()


def test_a_peer_that_is_gone_is_seen_on_the_reading_side_only(loop: Loop) -> None:
    ends = Ends(loop)
    ends.right.close()

    ends.left.send({"t": "nobody hears this"})

    assert loop.run_until(lambda: ends.hung_up == 1, 5)
    assert ends.left.backlog_bytes == 0
    ends.left.close()


def test_the_other_side_reads_what_we_write() -> None:
    assert encode({"t": "lease", "n": [1, "ü"]}) == b'{"t":"lease","n":[1,"\\u00fc"]}\n'


def test_timers_run_in_order_and_by_their_time(loop: Loop) -> None:
    seen: list[str] = []
    loop.after(0.02, lambda: seen.append("second"))
    loop.after(0.01, lambda: seen.append("first"))

    assert loop.run_until(lambda: len(seen) == 2, 5)
    assert seen == ["first", "second"]
    assert not loop.run_until(lambda: False, 0.01)


def test_last_words_wait_for_a_slow_reader_and_not_for_one_that_stopped(loop: Loop) -> None:
    ends = Ends(loop)
    reader, reads = ends.here[0], []
    loop.forget(reader)  # this test reads there itself

    def read() -> None:
        reads.append(len(os.read(reader, 1 << 16)))
        if len(reads) < 8:
            loop.after(0.1, read)

    ends.left.send({"t": "output", "lines": ["x" * (1 << 20)]})
    loop.after(0.1, read)
    ends.left.flush(0.5)

    assert len(reads) == 8  # for longer than 0.5 s, as it took something all the while
    assert ends.left.backlog_bytes > 0

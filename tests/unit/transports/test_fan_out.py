"""One stream for several readers: whole for each, at the pace of the slowest, ended for all."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from clusterkit.errors import ClusterkitError, Interrupted
from clusterkit.transports.fan_out import BLOCK_BYTES, FanOut, gzipped, in_blocks

NAMES = ("a", "b", "c")
BLOCKS = [bytes([number]) * 100 for number in range(100)]


def nobody(name: str) -> None:
    raise AssertionError(f"{name} is not stuck")


def read_by_all(stream: FanOut, names: tuple[str, ...] = NAMES) -> list[list[bytes]]:
    with ThreadPoolExecutor(len(names)) as pool:
        return list(pool.map(lambda name: list(stream.blocks(name)), names))


def test_every_reader_gets_the_whole_stream():
    assert read_by_all(FanOut(BLOCKS, NAMES, nobody).start()) == [BLOCKS] * 3


def test_the_source_is_read_no_further_than_the_slowest_reader_allows():
    taken = 0
    half = threading.Event()

    def source() -> Iterator[bytes]:
        nonlocal taken
        for block in BLOCKS:
            taken += 1
            yield block

    stream = FanOut(source(), ("fast", "slow"), nobody).start()
    slow = stream.blocks("slow")
    next(slow)

    def read_fast() -> int:
        count = 0
        for count, _ in enumerate(stream.blocks("fast"), 1):
            if count == 17:
                half.set()
        return count

    with ThreadPoolExecutor(1) as pool:
        fast = pool.submit(read_fast)
        assert half.wait(10)
        assert (taken <= 18, fast.done()) == (True, False)
        assert len(list(slow)) == 99
        assert fast.result(10) == 100


def test_a_reader_that_stops_reading_holds_up_nobody():
    stream = FanOut(BLOCKS, NAMES, nobody).start()
    leaves = stream.blocks("a")
    next(leaves)
    leaves.close()

    assert read_by_all(stream, ("b", "c")) == [BLOCKS] * 2


def test_a_reader_that_takes_nothing_is_given_up():
    given_up = threading.Event()
    stream = FanOut(BLOCKS, ("a", "b"), lambda _: given_up.set(), stuck_after_s=0.1).start()
    stuck = stream.blocks("b")
    next(stuck)

    assert list(stream.blocks("a")) == BLOCKS
    assert given_up.wait(10)
    with pytest.raises(ClusterkitError) as caught:
        next(stuck)
    assert str(caught.value) == (
        "b: took nothing for 0.1 s and was given up. "
        "Fix: look at its Docker engine and its network"
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError("disk gone"), "the stream broke off: disk gone. Fix: run it again"),
        (ClusterkitError("gpu01: no. Fix: it"), "gpu01: no. Fix: it"),
    ],
)
def test_a_source_that_fails_fails_for_every_reader(error: Exception, message: str):
    def source() -> Iterator[bytes]:
        yield b"half"
        raise error

    stream = FanOut(source(), NAMES, nobody).start()

    def read(name: str) -> str:
        with pytest.raises(ClusterkitError) as caught:
            list(stream.blocks(name))
        return str(caught.value)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(read, NAMES)) == [message] * 3


def test_a_stream_that_is_stopped_ends_for_all_and_closes_its_source():
    closed = threading.Event()

    def source() -> Iterator[bytes]:
        try:
            while True:
                yield b"more"
        finally:
            closed.set()

    stream = FanOut(source(), NAMES, nobody).start()
    readers = [stream.blocks(name) for name in NAMES]
    for reader in readers:
        next(reader)
    stream.stop()

    for reader in readers:
        with pytest.raises(Interrupted):
            list(reader)
    assert closed.wait(10)


@pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES, 3 * BLOCK_BYTES + 5])
def test_blocks_are_of_one_size_but_the_last(size: int):
    whole = bytes(range(256)) * (size // 256 + 1)
    pieces = [whole[:size][start : start + 70_000] for start in range(0, size, 70_000)]

    blocks = list(in_blocks(pieces))

    assert b"".join(blocks) == whole[:size]
    assert {len(block) for block in blocks[:-1]} <= {BLOCK_BYTES}


def test_members_that_are_stored_and_compressed_are_one_gzip_stream():
    members = [gzipped(block, number % 2 == 1) for number, block in enumerate(BLOCKS)]

    assert gzip.decompress(b"".join(members)) == b"".join(BLOCKS)
    assert (len(members[0]) > 100, len(members[1]) < 50) == (True, True)


def test_blocks_are_compressed_only_while_a_reader_is_behind():
    asked: list[bool] = []

    def pack(block: bytes, has_time: bool) -> bytes:
        asked.append(has_time)
        return block

    stream = FanOut(BLOCKS, ("a",), nobody, pack=pack).start()
    reader = stream.blocks("a")
    next(reader)
    deadline = threading.Event()
    for _ in range(1000):  # until it waits for us, far behind
        if len(asked) >= 18:
            break
        deadline.wait(0.01)

    assert (asked[0], asked[-1]) == (False, True)
    assert b"".join([b"", *reader]) == b"".join(BLOCKS[1:])

"""The output of many programs, kept in little memory."""

from __future__ import annotations

import random
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

from clusterkit.executor.kept import Kept, Spool
from clusterkit.results.output import NO_OUTPUT, Output

MIB = 1 << 20


def kept(spool: Spool, stdout: bytes, stderr: bytes = b"", *, seed: int = 0) -> Kept:
    """Both outputs, taken in pieces of any size."""
    sizes = random.Random(seed)  # noqa: S311 - the same each time
    program = Kept(spool)
    while stdout or stderr:
        size = sizes.randrange(1, 100_000)
        program.take("stdout", stdout[:size])
        program.take("stderr", stderr[:size])
        stdout, stderr = stdout[size:], stderr[size:]
    return program


def numbers(begin: int, end: int) -> str:
    return "".join(f"{number} é\n" for number in range(begin, end))


def test_large_outputs_of_many_programs_come_back_whole():
    spool = Spool()
    wanted = [(numbers(n, 60_000 + n), numbers(n, 30_000)) for n in range(16)]

    def keep(number: int) -> tuple[str, str]:
        stdout, stderr = wanted[number]
        program = kept(spool, stdout.encode(), stderr.encode(), seed=number)
        return program.output("stdout").text(), program.output("stderr").text()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(keep, range(16))) == wanted


def test_a_program_that_writes_nothing():
    assert kept(Spool(), b"").output("stdout") == NO_OUTPUT


def test_outputs_are_equal_when_their_text_is_wherever_it_is_kept():
    spool = Spool()
    text = numbers(0, 50_000)

    one, two = (kept(spool, text.encode(), seed=seed).output("stdout") for seed in (1, 2))

    assert one == two == Output.of(text)
    assert one is two
    assert one != Output.of(text + "x")


def test_what_is_no_utf_8_is_marked_and_pieces_may_end_within_a_character():
    data = b"\xff" + "é".encode() * 200_000

    assert kept(Spool(), data, seed=3).output("stdout").text() == "\ufffd" + "é" * 200_000


def test_memory_stays_small():
    spool = Spool()
    tracemalloc.start()
    try:
        outputs = []
        for number in range(8):
            program = Kept(spool)
            for count in range(16):
                program.take("stdout", bytes([number, count]) * (MIB // 2))
            outputs.append(program.output("stdout"))
        assert sum(len(piece) for output in outputs for piece in output.pieces()) == 8 * 16 * MIB
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * MIB

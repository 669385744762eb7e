from __future__ import annotations

from clusterkit.events import Stream
from clusterkit.transports.lines import Lines
from clusterkit.transports.pid_line import PidLine


def lines_of(*pieces: bytes) -> list[str]:
    found: list[str] = []
    lines = Lines(lambda _, text: found.append(text))
    for piece in pieces:
        lines.take("stdout", piece)
    return found


def test_pieces_become_lines() -> None:
    assert lines_of(b"a", b"b\nc\n\n", b"d") == ["ab", "c", ""]


def test_the_end_of_the_stream_ends_the_last_line() -> None:
    assert lines_of(b"a\nb", b"") == ["a", "b"]
    assert lines_of(b"a\n", b"") == ["a"]


def test_a_letter_may_be_cut_in_two() -> None:
    assert lines_of(b"\xc3", b"\xbc\n", b"\xc3", b"") == ["ü", "\N{REPLACEMENT CHARACTER}"]


def passed_on(*pieces: bytes) -> tuple[int | None, list[tuple[Stream, bytes]]]:
    found: list[tuple[Stream, bytes]] = []
    line = PidLine(lambda stream, data: found.append((stream, data)))
    for piece in pieces:
        line.take("stdout", piece)
    return line.pid, found


def test_the_line_with_the_process_id_is_found_and_taken_out() -> None:
    rest: list[tuple[Stream, bytes]] = [("stdout", b"x\n"), ("stdout", b"")]

    assert passed_on(b"clusterkit 12\nx\n", b"") == (12, rest)
    assert passed_on(b"hello from .bashrc\nclus", b"terkit 12\n", b"x\n", b"") == (12, rest)
    assert passed_on(b"clusterkit 1\nclusterkit 2\n") == (1, [("stdout", b"clusterkit 2\n")])


def test_without_the_line_all_is_passed_on() -> None:
    assert passed_on(b"no ", b"login\n", b"") == (
        None,
        [("stdout", b"no login\n"), ("stdout", b"")],
    )

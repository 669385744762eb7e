from __future__ import annotations

import os
import pty
import re
import threading
from contextlib import contextmanager

from clusterkit.command import Command, Step
from clusterkit.events import (
    NodeLost,
    NodeSettled,
    Note,
    Progress,
    StageStarted,
    StepEnded,
    StepStarted,
)
from clusterkit.report.board import Board, Row
from clusterkit.report.console import Printer
from clusterkit.report.lines import LinesView
from clusterkit.report.live import LiveView
from tests.unit.report.streams import Streams, text

CREATE = Step("node1", "create container pair-node1", Command(("true",)), sign="+", stage="nodes")
SSHD = Step("node2", "start sshd", Command(("sshd",)), stage="trust")
EVENTS = (
    StageStarted("nodes", ("node1", "node2")),
    StepStarted(CREATE),
    Note("shm_size is 64m", "node1"),
    StepEnded(CREATE, 0.412),
    NodeSettled("node1", "nodes", "container pair-node1 runs"),
    StepStarted(SSHD),
    StepEnded(SSHD, 0.2, "exit 1: bad option on line 3"),
)


def test_lines_where_no_terminal_is():
    streams = Streams(width=None)
    with streams.printer.progress() as view:
        assert isinstance(view, LinesView)
        for event in (*EVENTS, NodeLost("node10", "no heartbeat for 5 s")):
            view(event)

    assert (streams.out, streams.err) == (
        "",
        text("""
            Note: node1: shm_size is 64m
            node1  nodes     + create container pair-node1 … 0.41 s
            node2  trust     ~ start sshd … FAILED: exit 1: bad option on line 3
            node10            lost: no heartbeat for 5 s
            """),
    )


def test_long_things_show_their_progress_now_and_then():
    streams = Streams(width=None)
    now = [0.0]
    view = LinesView(streams.printer, clock=lambda: now[0])
    for second in range(0, 25, 5):
        now[0] = second
        view(Progress("node1", "fetch", second << 20, 25 << 20))

    assert streams.err == text("""
        node1            fetch: 40 % of 25.0 MiB
        node1            fetch: 80 % of 25.0 MiB
        """)


def test_output_of_a_build_is_its_last_line(monkeypatch):
    written = run_on_terminal(
        monkeypatch, events=(Progress("localhost", "Step 3/9 : RUN apt-get update", 41),)
    )

    assert "Step 3/9 : RUN apt-get update " in plain(written)


def test_a_board_keeps_what_every_node_does():
    board = Board()
    for second, event in enumerate(EVENTS):
        board.take(event, second)

    assert board.rows(10) == [
        Row("node1", "nodes", "container pair-node1 runs", "done", 1, 0, 4),
        Row("node2", "trust", "exit 1: bad option on line 3", "failed", 0, 0, 6),
    ]


def test_many_nodes_that_do_the_same_share_a_row_and_failures_come_first():
    board = Board()
    names = tuple(f"node{number}" for number in range(1, 31))
    board.take(StageStarted("nodes", names), 0)
    for name in names[:20]:
        board.take(NodeSettled(name, "nodes", f"container big-{name} runs"), 2)
    board.take(NodeLost("node30", "no route\nto host"), 3)

    assert board.rows(5) == [
        Row("node30", "nodes", "no route to host", "failed", 0, 0, 3),
        Row("(9) node[21-29]", "nodes", "looking", "busy", 0, 0, 5),
        Row("(20) node[1-20]", "nodes", "container big-* runs", "done", 0, 0, 2),
    ]


@contextmanager
def terminal():
    """A pseudo-terminal to write to, and what arrived there, once it is closed."""
    reader, writer = pty.openpty()
    seen = bytearray()

    def read() -> None:
        try:
            while block := os.read(reader, 4096):
                seen.extend(block)
        except OSError:  # Linux: the other side closed
            pass

    thread = threading.Thread(target=read)
    thread.start()
    stream = os.fdopen(writer, "w", encoding="utf-8")
    try:
        yield stream, seen
    finally:
        stream.close()
        thread.join(timeout=10)
        os.close(reader)


def run_on_terminal(monkeypatch, *, events=EVENTS, **environment):
    for name, value in ({"TERM": "xterm-256color"} | environment).items():
        monkeypatch.setenv(name, value)
    with terminal() as (stream, seen):
        printer = Printer(stderr=stream, width=80)
        view = printer.progress()
        if isinstance(view, LiveView):
            view = LiveView(printer, clock=lambda: 1.5)
        with view:
            for event in events:
                view(event)
    return seen.decode().replace("\r\n", "\n")


LAST_FRAME = """
    NODE   STAGE  NOW                                                CHANGES    TIME
    node1  nodes  container pair-node1 runs                  ok            1  0.00 s
    node2  trust  exit 1: bad option on line 3               FAILED           0.00 s
    """


def test_a_terminal_shows_a_row_a_node_and_keeps_the_last_table(monkeypatch):
    written = run_on_terminal(monkeypatch)
    last = last_frame(written)

    assert "\x1b[1;31mFAILED" in last  # bold red, beside the word
    assert [line.rstrip() for line in plain(last).splitlines()] == text(LAST_FRAME).splitlines()
    assert "Note: node1: shm_size is 64m" in plain(written)
    assert written.rstrip("\n").endswith("\x1b[?25h")  # the cursor is back


def test_a_look_that_finds_nothing_to_do_leaves_no_table(monkeypatch):
    settled = NodeSettled("node1", "nodes", "container pair-node1 runs")
    written = run_on_terminal(monkeypatch, events=(EVENTS[0], settled))

    assert "container pair-node1 runs" in written
    assert plain(last_frame(written)).strip() == ""


def test_no_color_takes_the_colours_away(monkeypatch):
    written = run_on_terminal(monkeypatch, NO_COLOR="1")

    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", written)
    assert "FAILED" in written


def test_a_dumb_terminal_gets_plain_lines(monkeypatch):
    assert run_on_terminal(monkeypatch, TERM="dumb") == text("""
        Note: node1: shm_size is 64m
        node1  nodes     + create container pair-node1 … 0.41 s
        node2  trust     ~ start sshd … FAILED: exit 1: bad option on line 3
        """)


def test_events_come_from_many_threads(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    names = [f"n{number}" for number in range(8)]
    with terminal() as (stream, seen):
        view = Printer(stderr=stream, width=80).progress()

        def work(name):
            step = Step(name, "do it", Command(("true",)), stage="nodes")
            for number in range(50):
                view(StepStarted(step))
                view(Note(f"note {number}", name))
                view(StepEnded(step, 0))
            view(NodeSettled(name, "nodes", "done"))

        with view:
            workers = [threading.Thread(target=work, args=(name,)) for name in names]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join(timeout=60)
    written = seen.decode()

    notes = re.findall(r"Note: (n\d): note (\d+)", plain(written))
    assert sorted(notes) == sorted((name, str(number)) for name in names for number in range(50))
    rows = re.findall(r"(n\d) +nodes +done +ok +(\d+)", plain(last_frame(written)))
    assert sorted(rows) == [(name, "50") for name in names]


def plain(written: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", written).replace("\r", "")


def last_frame(written: str) -> str:
    """What was drawn after the table before was erased, line by line."""
    return written.split("\x1b[2K")[-1]

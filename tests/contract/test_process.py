"""Promise 6: what ``start`` does, wherever it runs."""

from __future__ import annotations

import queue
from collections.abc import Callable

import pytest

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.events import Stream
from clusterkit.transports.docker import DockerTransport
from tests.contract.conftest import Boxes, Place, poll_until
from tests.contract.test_run import alive

Line = tuple[Stream, str]


class Heard:
    """The lines of one process, as they come."""

    def __init__(self) -> None:
        self._lines: queue.Queue[Line] = queue.Queue()

    def __call__(self, stream: Stream, text: str) -> None:
        self._lines.put((stream, text))

    def next(self) -> Line:
        return self._lines.get(timeout=10)

    def rest(self) -> list[Line]:
        return [self._lines.get_nowait() for _ in range(self._lines.qsize())]


def test_lines_come_one_at_a_time_as_they_are_written(place: Place) -> None:
    heard = Heard()
    echo = 'while read -r line; do echo "$line"; echo "$line" >&2; done; exit 5'
    process = place.transport.start(Command(("sh", "-c", echo)), heard)

    for word in ("first", "zwölf", "* $x"):
        process.send(f"{word}\n".encode())
        # Nothing more is sent before both have come, so nothing holds lines back.
        assert {heard.next(), heard.next()} == {("stdout", word), ("stderr", word)}
    assert process.poll() is None
    process.close_stdin()

    assert process.wait(10) == 5
    assert process.poll() == 5
    assert heard.rest() == []


def test_the_last_line_may_have_no_newline(place: Place) -> None:
    heard = Heard()

    process = place.transport.start(Command(("printf", r"a\n\nb\377")), heard)

    assert process.wait(10) == 0
    wanted = ["a", "", "b\N{REPLACEMENT CHARACTER}"]
    assert heard.rest() == [("stdout", text) for text in wanted]


def test_stdin_of_the_command_comes_first(place: Place) -> None:
    heard = Heard()
    process = place.transport.start(Command(("cat",), stdin=b"one "), heard)

    process.send(b"two")
    process.close_stdin()

    assert process.wait(10) == 0
    assert heard.rest() == [("stdout", "one two")]


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("KILL", 137), ("INT", 130)])
def test_a_signal_reaches_the_program_and_its_child(place: Place, name: str, code: int) -> None:
    heard = Heard()
    # dash ignores SIGINT in a background child, Python does as it is told.
    program = (
        "import os, signal, subprocess;"
        "signal.signal(signal.SIGINT, signal.SIG_DFL);"
        "child = subprocess.Popen(['sleep', '61']);"
        "print(os.getpid(), child.pid, flush=True);"
        "signal.pause()"
    )
    process = place.transport.start(Command(("python3", "-c", program)), heard)
    pids = heard.next()[1].split()
    assert alive(place, *pids) == pids

    process.signal(name)

    assert process.wait(10) == code
    poll_until(lambda: not alive(place, *pids))
    process.signal(name)  # it has ended, and nothing happens


def test_waiting_has_a_limit(place: Place) -> None:
    process = place.transport.start(Command(("cat",)), Heard())

    with pytest.raises(TimeoutError) as raised:
        process.wait(0.1)

    assert str(raised.value) == "here: still runs after 0.1 s"
    process.close_stdin()
    assert process.wait(10) == 0


def test_a_lost_connection_is_an_error_and_the_next_command_connects_again(place: Place) -> None:
    if place.cut is None:
        pytest.skip(f"{place.kind} has no connection that breaks and comes back")
    heard = Heard()
    process = place.transport.start(Command(("sh", "-c", "echo up; exec cat")), heard)
    assert heard.next() == ("stdout", "up")

    place.cut()

    address = place.transport.address  # type: ignore[attr-defined]
    wanted = (
        f"here: the connection to {address} was lost while the program ran. "
        "Fix: see `clusterkit status`, and run it again"
    )
    assert _error_of(lambda: process.wait(10)) == wanted
    assert _error_of(lambda: process.poll()) == wanted
    assert place.transport.run(Command(("echo", "again"))).stdout == "again\n"


def test_a_container_that_stops_is_an_error(boxes: Boxes) -> None:
    name = boxes.new()
    transport = DockerTransport("here", name)
    heard = Heard()
    process = transport.start(Command(("sh", "-c", "echo up; exec cat")), heard)
    assert heard.next() == ("stdout", "up")

    transport._connected().kill(name)

    wanted = (
        f"here: container {name} stopped while the program ran. Fix: `docker logs {name}` may say "
        "why; start it again with `clusterkit up INVENTORY`"
    )
    assert _error_of(lambda: process.wait(10)) == wanted
    assert _error_of(lambda: transport.run(Command(("true",)))) == (
        f"here: container {name} runs no command: Container "
        f"{transport._connected().inspect_container(name)['Id']} is not running. "
        "Fix: `clusterkit up INVENTORY`"
    )
    transport.close()


def _error_of(action: Callable[[], object]) -> str:
    with pytest.raises(TransportError) as raised:
        action()
    return str(raised.value)

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from clusterkit.command import Command, Put, Result
from clusterkit.errors import TransportError
from clusterkit.transports.base import Process, Transport
from clusterkit.transports.docker_engine import DockerEngine
from clusterkit.transports.fake import FakeTransport
from clusterkit.transports.world import World


def answer(command: Command) -> Result:
    return Result("node1", command, 3, "out\n", "err")


def no_engine() -> DockerEngine:
    raise AssertionError("nobody asked for Docker")


def test_a_node_is_opened_once_and_closed() -> None:
    opened: list[FakeTransport] = []

    def access() -> Transport:
        opened.append(FakeTransport(answer, "node1"))
        return opened[-1]

    command = Command(("x",))
    with World({"node1": access}, no_engine) as world:
        assert opened == []
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: world.perform("node1", command), range(20)))
        put = world.perform("node1", Put("/x", b"y"))

    assert results == [answer(command)] * 20
    assert put == Result("node1", Put("/x", b"y"), 0)
    assert (len(opened), opened[0].files, opened[0].closed) == (1, {"/x": Put("/x", b"y")}, True)


def test_a_node_that_failed_to_open_is_tried_again() -> None:
    answers = [TransportError("node1", "is away"), None]

    def access() -> Transport:
        if error := answers.pop(0):
            raise error
        return FakeTransport(answer, "node1")

    with World({"node1": access}, no_engine) as world:
        with pytest.raises(TransportError, match="node1: is away"):
            world.transport("node1")
        assert world.transport("node1").node == "node1"


def test_a_fake_process_has_ended() -> None:
    lines: list[tuple[str, str]] = []
    fake: Transport = FakeTransport(answer)

    process: Process = fake.start(Command(("x",)), lambda *line: lines.append(line))
    process.signal("TERM")

    assert (process.wait(), lines) == (3, [("stdout", "out"), ("stderr", "err")])


def test_a_second_ctrl_c_breaks_connections_instead_of_waiting_for_a_machine_that_hangs() -> None:
    class Hanging(FakeTransport):
        def end_running(self) -> None:
            signal.raise_signal(signal.SIGINT)
            ended.wait(10)

    ended = threading.Event()
    hanging = Hanging(answer, "node1")
    world = World({"node1": lambda: hanging}, no_engine)
    world.transport("node1")

    with pytest.raises(KeyboardInterrupt):
        world.end_running()
    ended.set()
    assert hanging.closed


def test_after_ctrl_c_nobody_waits_for_a_machine_that_does_not_answer() -> None:
    class Silent(FakeTransport):
        def answers(self, within_s: float) -> bool:
            return within_s < 0

    silent, alive = Silent(answer, "node1"), FakeTransport(answer, "node2")
    world = World({"node1": lambda: silent, "node2": lambda: alive}, no_engine)
    world.transport("node1")
    world.transport("node2")

    assert world.end_running() == {"node1"}
    assert (silent.closed, alive.closed) == (True, False)

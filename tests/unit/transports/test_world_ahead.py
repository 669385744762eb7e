"""What is asked or opened before it is needed answers like what is asked in its time."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from clusterkit.command import HOST, Command, DockerCall, DockerLook, Put, Result
from clusterkit.errors import ClusterkitError, TransportError
from clusterkit.transports.base import Transport
from clusterkit.transports.fake import FakeTransport
from clusterkit.transports.world import World

FIRST, SECOND = DockerLook("pair"), DockerLook("pair", names=("pair-node1",))
CHANGE = DockerCall("start", "pair-node1")


class Engine:
    """Keeps what it is asked; its answers tell how many changes there were before."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.refuses = refuses
        self.asked: list[DockerLook] = []
        self.has_answered = threading.Semaphore(0)
        self.changes = 0

    def look(self, question: DockerLook) -> Result:
        self.asked.append(question)
        if self.refuses:
            raise ClusterkitError("Docker is away")
        answer = Result(HOST, question, 0, f"after {self.changes}")
        self.has_answered.release()
        return answer

    def apply(self, call: DockerCall, _: object = None) -> Result:
        self.changes += 1
        return Result(HOST, call, 0)

    def close(self) -> None:
        """Nothing is held."""


def world_of(engine: Engine) -> World:
    return World({}, lambda: engine)  # type: ignore[arg-type, return-value]


def test_what_the_engine_was_asked_ahead_is_asked_once() -> None:
    engine = Engine()
    with world_of(engine) as world:
        world.look_ahead([(HOST, FIRST), (HOST, SECOND), (HOST, FIRST)])
        answers = [world.perform(HOST, look).stdout for look in (SECOND, FIRST, FIRST)]
    assert answers == ["after 0"] * 3
    assert sorted(map(str, engine.asked)) == sorted(map(str, [FIRST, SECOND]))


def test_a_change_discards_what_was_seen_before() -> None:
    engine = Engine()
    with world_of(engine) as world:
        world.look_ahead([(HOST, FIRST), (HOST, SECOND)])
        assert engine.has_answered.acquire(timeout=5)
        assert engine.has_answered.acquire(timeout=5)
        first = world.perform(HOST, FIRST).stdout
        world.perform(HOST, CHANGE)
        assert (first, world.perform(HOST, SECOND).stdout) == ("after 0", "after 1")


def test_an_error_ahead_is_raised_to_the_one_who_asks_in_time() -> None:
    with world_of(Engine(refuses=True)) as world:
        world.look_ahead([(HOST, FIRST)])
        with pytest.raises(ClusterkitError, match="Docker is away"):
            world.perform(HOST, FIRST)


HERE, THERE = Command(("test", "-e", "/here")), Command(("test", "-e", "/there"))
MAKE = Command(("mkdir", "/there"))


class Node(FakeTransport):
    """Tells for each look how many round trips there were."""

    def __init__(self) -> None:
        super().__init__(lambda command: Result("node1", command, 0, str(self.trips)), "node1")
        self.trips = 0

    def run(self, command: Command) -> Result:
        self.trips += 1
        return super().run(command)

    def run_all(self, commands: Sequence[Command]) -> list[Result]:
        self.trips += 1
        return [Result("node1", command, 0, str(self.trips)) for command in commands]


def asked(world: World, *commands: Command) -> list[str]:
    return [world.perform("node1", command).stdout for command in commands]


def test_the_looks_at_a_node_take_one_round_trip_and_an_answer_serves_once() -> None:
    with World({"node1": Node}, lambda: Engine()) as world:  # type: ignore[arg-type, return-value]
        world.look_ahead([("node1", HERE), ("node1", THERE)])
        assert asked(world, HERE, THERE) == ["1", "1"]
        assert asked(world, HERE) == ["2"]


@pytest.mark.parametrize("change", [MAKE, Put("/there", b"")], ids=["command", "put"])
def test_a_change_on_a_node_discards_its_answers(change: Command | Put) -> None:
    with World({"node1": Node}, lambda: Engine()) as world:  # type: ignore[arg-type, return-value]
        world.look_ahead([("node1", HERE), ("node1", THERE)])
        assert asked(world, HERE) == ["1"]
        world.perform("node1", change)
        assert asked(world, THERE) > ["1"]


def test_a_node_that_is_not_there_yet_is_asked_all_when_it_is() -> None:
    away = [TransportError("node1", "starts")]

    def access() -> Transport:
        if away:
            raise away.pop()
        return Node()

    with World({"node1": access}, lambda: Engine()) as world:  # type: ignore[arg-type, return-value]
        world.look_ahead([("node1", HERE), ("node1", THERE)])
        with pytest.raises(TransportError):
            asked(world, HERE)
        world.perform(HOST, CHANGE)
        assert asked(world, HERE, THERE) == ["1", "1"]


def test_a_connection_that_fails_in_the_background_is_opened_by_its_first_user() -> None:
    refused = threading.Event()

    def access() -> Transport:
        if not refused.is_set():
            refused.set()
            raise TransportError("node1", "is away")
        return FakeTransport(lambda command: Result("node1", command, 0), "node1")

    with World({"node1": access}, lambda: Engine()) as world:  # type: ignore[arg-type, return-value]
        world.connect(["node1"])
        assert refused.wait(5)
        assert world.perform("node1", Command(("true",))).ok

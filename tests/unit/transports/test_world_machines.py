"""Nodes that are containers on machines: the machine, its engine, and the way to the node."""

from __future__ import annotations

import pytest

from clusterkit.command import HOST, Command, Result
from clusterkit.transports.fake import FakeTransport
from clusterkit.transports.machine_engine import MachineEngine
from clusterkit.transports.ssh import SshAddress, SshTransport
from clusterkit.transports.world import World

HELLO = Command(("true",))


def fake(name):
    return FakeTransport(lambda command: Result(name, command, 0), name)


@pytest.fixture
def machines():
    """Two that nobody connects to."""
    return {name: SshTransport(name, SshAddress(name)) for name in ("gpu01", "gpu02")}


class Engine:
    """That of the controlling machine."""

    def close(self):
        """Nothing was opened."""


@pytest.fixture
def world(machines):
    nodes = {name: (lambda name=name: fake(name)) for name in (*machines, "bare")}
    with World(nodes, Engine, machines) as world:
        yield world


def test_the_machine_of_a_node_is_what_carries_it_or_the_node_itself(world, machines):
    assert world.machine("gpu01") is machines["gpu01"]
    assert world.transport("gpu01").node == "gpu01"
    assert world.transport("gpu01") is not machines["gpu01"]
    assert world.machine("bare") is world.transport("bare")


def test_each_machine_has_an_engine_and_all_others_share_one(world):
    first, second = world.engine("gpu01"), world.engine("gpu02")

    assert isinstance(first, MachineEngine)
    assert first is world.engine("gpu01")
    assert first is not second
    assert isinstance(world.engine("bare"), Engine)
    assert world.engine("bare") is world.engine(HOST)


def test_nodes_are_reached_the_new_way_once_their_machines_told_it(world):
    moved = fake("moved")
    world.reach_by({"gpu01": lambda: moved, "gpu02": lambda: moved, "bare": lambda: moved})

    assert world.transport("gpu01") is moved
    assert world.perform("gpu01", HELLO).node == "moved"


def test_a_connection_that_is_open_stays_as_it_is(world):
    before = world.transport("gpu01")
    world.reach_by({"gpu01": lambda: fake("moved")})

    assert world.transport("gpu01") is before

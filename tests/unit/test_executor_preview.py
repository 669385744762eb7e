"""What would be done, without doing it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from clusterkit.command import HOST, Command, DockerCall, Step
from clusterkit.errors import (
    NodesFailed,
)
from clusterkit.events import NodeSettled
from clusterkit.executor import from_scratch, preview
from clusterkit.tasks.base import Change, Stage
from tests.unit.machines import (
    FACTS,
    Answers,
    Has,
    Machines,
    ignore,
    three,
    written,
)


def test_a_preview_changes_nothing_and_names_what_would_be_done():
    machines = Machines({"n1": {"/f": "right"}, "n2": {"/f": "wrong"}, "n3": {}})

    outcome = preview([three()], machines, ignore)

    assert outcome.applied == [(written("n2", "/f"), 0.0), (written("n3", "/f"), 0.0)] or (
        outcome.applied == [(written("n3", "/f"), 0.0), (written("n2", "/f"), 0.0)]
    )
    assert outcome.settled == [NodeSettled("n1", "files", "/f is right")]
    assert machines.done == []


@dataclass(frozen=True)
class Started:
    """Containers that are yet to be started, or made."""

    nodes: tuple[str, ...]
    by: str = "start"
    node: str = HOST
    needs_answer: bool = True

    def probe(self):
        return Command(("cat", "/"))

    def plan(self, _):
        return Change("", tuple(Step(n, self.by, DockerCall(self.by, n)) for n in self.nodes))


@dataclass(frozen=True)
class Learns(Has):
    """Learns facts, and plans nothing where nothing can be looked at."""

    def plan(self, seen):
        return Change("known", facts=FACTS) if seen else Change("<known after nodes>")


def test_a_preview_plans_from_scratch_behind_a_container_that_is_yet_to_be_made():
    machines = Machines({"n2": {"/f": "right"}}, unreachable={"n1"})
    stages = [
        Stage("nodes", (Started(("n1",), "create"),)),
        Stage("files", (Has("n1", "/f"), Learns("n1", "/"), Has("n2", "/f"), Learns("n2", "/"))),
    ]

    outcome = preview(stages, machines, ignore)

    create = Step("n1", "create", DockerCall("create", "n1"), stage="nodes")
    assert outcome.steps == [create, written("n1", "/f")]
    assert outcome.unknown == ["n1: files <known after nodes>"]
    assert outcome.facts == {"n2": FACTS}


def test_a_preview_cannot_know_what_is_behind_a_container_that_is_yet_to_start():
    machines = Machines({"n2": {"/f": "right"}}, unreachable={"n1"})
    stages = [
        Stage("nodes", (Started(("n1",)),)),
        Stage("files", (Has("n1", "/f"), Learns("n1", "/"), Has("n2", "/f"), Learns("n2", "/"))),
    ]

    outcome = preview(stages, machines, ignore)

    assert outcome.steps == [Step("n1", "start", DockerCall("start", "n1"), stage="nodes")]
    assert outcome.unknown == ["n1: files <known after nodes>"]
    assert outcome.facts == {"n2": FACTS}


def test_a_preview_does_not_look_behind_a_restart_of_the_same_stage():
    machines = Machines({}, unreachable={"n1"})
    stage = Stage("trust", (Answers("n1"), Has("n1", "/f")))

    outcome = preview([stage], machines, ignore)

    assert [step.summary for step in outcome.steps] == ["restart: exit 255, n1: no route to host"]
    assert outcome.unknown == ["n1: trust <known after trust>"]


def test_a_file_that_is_yet_to_be_written_hides_nothing_from_a_preview():
    machines = Machines({"n1": {"/g": "right"}})
    stages = [Stage("files", (Has("n1", "/f"),)), Stage("more", (Has("n1", "/g"),))]

    outcome = preview(stages, machines, ignore)

    assert outcome.steps == [written("n1", "/f")]


def test_a_preview_tells_every_node_that_it_cannot_see():
    machines = Machines({"n1": {"/f": "right"}}, unreachable={"n2", "n3"})

    with pytest.raises(NodesFailed) as caught:
        preview([three()], machines, ignore)

    assert str(caught.value) == "n2: no route to host\nn3: no route to host"
    assert caught.value.exit_code == 3


def test_from_scratch_looks_at_nothing():
    steps = from_scratch([three(), Stage("more", (Has("n1", "/g"),))])

    assert steps == [
        written("n1", "/f"),
        written("n2", "/f"),
        written("n3", "/f"),
        written("n1", "/g", "more"),
    ]

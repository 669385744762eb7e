"""Machines that keep what is put on them, and tasks for them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from clusterkit.command import HOST, Command, DockerCall, Put, Result, Step
from clusterkit.errors import (
    TransportError,
)
from clusterkit.facts import NodeFacts
from clusterkit.tasks.base import Change, Stage

PATIENCE_S = 10


@dataclass
class Machines:
    """Machines that hold files. ``deaf`` ones lose every file; ``during`` runs within a step."""

    files: dict[str, dict[str, str]]
    unreachable: set[str] = field(default_factory=set)
    failing: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    boots_after: dict[str, int] = field(default_factory=dict)
    during: Callable[[str, object, Callable[[str], None] | None], None] | None = None
    done: list[tuple[str, str]] = field(default_factory=list)

    def leave_silent(self):
        return ()

    def perform(self, node, action, on_progress=None):
        if node in self.unreachable:
            raise TransportError(node, "no route to host")
        if isinstance(action, Command) and action.argv[0] == "cat":
            return self._look(node, action)
        if self.during:
            self.during(node, action, on_progress)
        self.done.append((node, str(action)))
        if node in self.failing:
            return Result(node, action, 1, stderr="disk full")
        if isinstance(action, Put) and node not in self.deaf:
            self.files.setdefault(node, {})[action.path] = action.content.decode()
        if isinstance(action, Command):
            self.files[node].pop(action.argv[1])
        return Result(node, action, 0)

    def _look(self, node, action):
        if self.boots_after.get(node, 0) > 0:
            self.boots_after[node] -= 1
            raise TransportError(node, "connection refused")
        seen = self.files if node == HOST else self.files.get(node, {})
        return Result(node, action, 0, stdout=json.dumps(seen))


@dataclass(frozen=True)
class Has:
    """The node has a file, and no other of ``absent``."""

    node: str
    path: str
    content: str = "right"
    absent: tuple[str, ...] = ()
    facts: NodeFacts | None = None
    needs_answer: bool = True

    def probe(self):
        return Command(("cat", self.path))

    def plan(self, seen):
        files = json.loads(seen.check().stdout) if seen else {}
        steps = [
            Step(self.node, f"remove {path}", Command(("rm", path)), "-")
            for path in self.absent
            if path in files
        ]
        if files.get(self.path) != self.content:
            put = Put(self.path, self.content.encode())
            steps.append(Step(self.node, f"write {self.path}", put, "+"))
        return Change(f"{self.path} is right", tuple(steps), self.facts)


@dataclass(frozen=True)
class Answers:
    """The node answers; one that does not is restarted by the host, and may take its time."""

    node: str
    settles_s: float = 0.0
    needs_answer: bool = False

    def probe(self):
        return Command(("cat", "/"))

    def plan(self, seen):
        if seen is None or seen.ok:
            return Change("answers")
        restart = DockerCall("restart", self.node)
        step = Step(self.node, f"restart: exit {seen.exit_code}, {seen.stderr}", restart)
        return Change("restart", (step,), settles_s=self.settles_s)


def ignore(event):
    """The sink of a test that is about something else."""


def written(node, path, stage="files"):
    return Step(node, f"write {path}", Put(path, b"right"), "+", stage)


def three(**options):
    return Stage("files", tuple(Has(name, "/f", **options) for name in ("n1", "n2", "n3")))


@dataclass(frozen=True)
class Fleet:
    """All nodes have the file, and ``former`` ones not, whose address may be wanted."""

    nodes: tuple[str, ...]
    former: tuple[str, ...] = ()
    node: str = HOST
    needs_answer: bool = True

    def probe(self):
        return Command(("cat", "/"))

    def plan(self, seen):
        has = {node for node, files in json.loads(seen.check().stdout).items() if files}
        remove = [Step(n, "remove", Command(("rm", "/f")), "-") for n in self.former if n in has]
        write = [Step(n, "write", Put("/f", b"right"), "+") for n in self.nodes if n not in has]
        return Change("as it should be", (*write, *remove))


FACTS = NodeFacts("n1", 2, 10, 5, "/usr/bin/python3", "3.11.2")

"""A cluster of one container on each of several machines, as tests bring it up and break it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.controller import Controller, Done
from tests.e2e.machines import Machine, Machines


@dataclass
class Lab:
    """The room, and the cluster in it."""

    room: Machines
    controller: Controller
    name: str
    file: Path
    image: str
    without: tuple[str, ...] = ()

    def __call__(self, *words: object, timeout_s: float = 180) -> Done:
        return self.controller(*words, timeout_s=timeout_s)

    def answer(self, *words: object) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def error(self, *words: object) -> tuple[int, str]:
        """The exit code and the message of one command line that is refused."""
        done = self(*words)
        return done.returncode, "Error: " + done.stderr.partition("Error: ")[2]

    def describe(self, **parts: Any) -> Path:
        container = {"image": self.image, "shm_size": "64m"} | parts.pop("container", {})
        docker = {"runtime": "docker", "container": container}
        return self.room.describe(self.file, self.name, without=self.without, **(docker | parts))

    def box(self, node: str) -> str:
        """The name of a node's container."""
        return f"{self.name}-{node}"

    def states(self) -> dict[str, str]:
        rows = json.loads(self("status", "-o", "json").stdout)["nodes"]
        return {row["name"]: row["state"] for row in rows}

    def plan(self) -> list[tuple[str, str]]:
        """What `plan` says is to be done, where."""
        return [(row["node"], row["summary"]) for row in self.answer("plan", self.file)["steps"]]

    def up(self) -> list[tuple[str, str]]:
        """What `up` did, where; it must succeed, and leave nothing to do."""
        steps = self.answer("up", self.file, "--yes")["steps"]
        assert self.answer("up", self.file, "--yes")["changes"] == 0
        return [(row["node"], row["summary"]) for row in steps]


def inner(machine: Machine, *words: str) -> str:
    """What the machine's own docker command prints."""
    return machine.inside("docker", *words)

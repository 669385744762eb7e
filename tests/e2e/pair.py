"""Clusters of small containers: described, brought up, damaged, and looked at from outside."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from tests.e2e.controller import CLUSTER_LABEL, Controller, Done
from tests.inside import run_inside


@dataclass
class Pair:
    """One cluster and the person who made it. ``engine`` sees what the CLI is not asked."""

    name: str
    subnet: str
    image: str
    folder: Path
    controller: Controller
    engine: docker.DockerClient

    def __call__(self, *words: object, **options: Any) -> Done:
        """Run one command line of clusterkit."""
        return self.controller(*words, **options)

    @property
    def file(self) -> Path:
        """The inventory."""
        return self.folder / "pair.yaml"

    @property
    def home(self) -> str:
        """The cluster's folder on its nodes."""
        return f"/var/lib/clusterkit/{self.name}"

    def describe(self, **parts: Any) -> Path:
        """Write the inventory; ``parts`` replace whole sections of two nodes with two slots."""
        sections = {
            "cluster": self.name,
            "provider": "docker",
            "nodes": {"node[1-2]": {"slots": 2}},
            "network": {"subnet": self.subnet},
            "container": {"image": self.image, "shm_size": "64m"},
            "storage": {"kind": "volume", "path": "/shared"},
        } | parts
        self.file.write_text(json.dumps(sections, indent=2))  # which is YAML
        return self.file

    def address(self, number: int) -> str:
        """The address that node ``number`` is given by default."""
        return self.subnet.replace(".0/24", f".{10 + number}")

    def up(self) -> dict[str, Any]:
        """Bring it up; the typed answer."""
        return self.answer("up", self.file, "--yes")

    def answer(self, *words: object) -> dict[str, Any]:
        """The JSON of one command line that must succeed."""
        done = self(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def planned(self) -> list[tuple[str, str]]:
        """What ``plan`` says, as (node, summary); its exit code must agree."""
        done = self("plan", self.file, "--exit-code", "-o", "json")
        assert done.returncode in (0, 6), done.stderr
        plan = json.loads(done.stdout)
        assert (done.returncode == 6) == (plan["changes"] > 0) == bool(plan["steps"])
        return [(step["node"], step["summary"]) for step in plan["steps"]]

    def container(self, node: str) -> Any:
        """The container of one node."""
        return self.engine.containers.get(f"{self.name}-{node}")

    def inside(self, node: str, *argv: str) -> str:
        """What a program prints on a node; the engine runs it, whatever became of sshd."""
        code, output = run_inside(self.container(node), *argv)
        assert code == 0, (node, argv, output)
        return output.decode()

    def left(self) -> dict[str, list[str]]:
        """Everything of the cluster that is there, on the engine and in the state folder."""
        mark = {"label": f"{CLUSTER_LABEL}={self.name}"}
        containers = self.engine.containers.list(all=True, filters=mark)
        volumes = self.engine.volumes.list()
        return {
            "containers": sorted(each.name for each in containers),
            "networks": sorted(each.name for each in self.engine.networks.list(filters=mark)),
            "volumes": sorted(each.name for each in volumes if self.name in each.name),
            "files": sorted(
                str(path.relative_to(self.controller.home))
                for path in self.controller.home.rglob("*")
                if path.is_file()
            ),
        }


NOTHING: dict[str, list[str]] = {"containers": [], "networks": [], "volumes": [], "files": []}
"""What :meth:`Pair.left` says where nothing is left."""

TRIO = {"node1": 2, "node2": 1, "node3": 2}
"""The nodes of the fixture ``trio`` and their slots: they differ."""

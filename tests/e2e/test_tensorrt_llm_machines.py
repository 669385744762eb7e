"""TensorRT-LLM on machines that share no disk: built on one, and each gets the files of its ranks.

`gpus` of the inventory counts here: one on gpu01, two on gpu02.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.machines import Machines, Spec, machines
from tests.e2e.model_folders import llama_70b_folder
from tests.e2e.tensorrt_llm_image import tensorrt_llm_image
from tests.inside import run_inside
from tests.stand_ins.programs.answer import expected

TOKENIZER = ("config.json", "tokenizer.model", "tokenizer_config.json")
GPUS = {"gpu01": 1, "gpu02": 2}
# What the vendor's image sets by itself, machines say for every login.
LOGINS = "LD_LIBRARY_PATH=/usr/local/tensorrt/lib\n"


@dataclass
class Lab:
    room: Machines
    controller: Controller
    name: str
    folder: Path

    def describe(self, **engine: Any) -> Path:
        file = self.folder / "lab.yaml"
        settings = {"name": "tensorrt-llm", "family": "llama", "model": "/var/tmp/llama"}  # noqa: S108
        return self.room.describe(
            file,
            self.name,
            nodes={name: {"gpus": list(range(count))} for name, count in GPUS.items()},
            storage={"kind": "sync"},
            engine=settings | engine,
        )

    def answer(self, *words: object) -> dict[str, Any]:
        done = self.controller(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def engine_files(self, node: str) -> list[str]:
        script = 'cd "$0"/*/ && find . -type f -printf "%P\\n" | sort'
        folder = f"/var/tmp/clusterkit-{self.name}/clusterkit/engines"  # noqa: S108
        return self.room[node].inside("sh", "-c", script, folder).splitlines()


@pytest.fixture
def lab(docker_host: docker.DockerClient, mpi_machine: str, tmp_path: Path) -> Iterator[Lab]:
    name, model = new_cluster_name(), llama_70b_folder(tmp_path / "llama", layers=81)
    image = tensorrt_llm_image(docker_host, mpi_machine, "0.12.0")
    specs = [Spec(node) for node in GPUS]
    with machines(docker_host, image, tmp_path / "person", *specs) as room:
        for node, count in GPUS.items():
            room[node].inside("sh", "-c", 'printf %s "$0" > /etc/stand-in-gpus', str(count))
            room[node].inside("sh", "-c", 'printf %s "$0" > /etc/environment', LOGINS)
        _copy(model, room["gpu01"].container, "/var/tmp/llama")  # noqa: S108
        controller = room.controller(tmp_path / "state", name)
        try:
            yield Lab(room, controller, name, tmp_path)
        finally:
            controller.close()


def _copy(folder: Path, container: Any, to: str) -> None:
    run_inside(container, "mkdir", "-p", to)
    for path in folder.iterdir():
        script = f"base64 -d > {to}/{path.name}"
        text = base64.b64encode(path.read_bytes()).decode()
        code, output = run_inside(container, "sh", "-c", f'printf %s "$0" | {script}', text)
        assert code == 0, output


def test_each_machine_gets_the_files_of_its_own_ranks(lab: Lab):
    lab.answer("up", lab.describe(pp=3), "--yes")

    answered = lab.answer("infer", "--prompt", "hi")
    again = lab.answer("build")

    assert answered["answers"][0]["text"] == expected("hi", 3)
    assert [rank["node"] for rank in answered["ranks"]] == ["gpu01", "gpu02", "gpu02"]
    assert (again["changed"], again["copied_to"]) == (False, [])
    of_all = ["config.json", "manifest.json", *(f"tokenizer/{name}" for name in TOKENIZER)]
    here, there = lab.engine_files("gpu01"), lab.engine_files("gpu02")
    assert there == sorted(["rank1.engine", "rank2.engine", *of_all])
    assert {"rank0.engine", *of_all} <= set(here)


def test_a_rank_file_that_went_is_brought_again(lab: Lab):
    lab.answer("up", lab.describe(pp=3), "--yes")
    lab.answer("build")
    gone = 'rm "$0"/*/rank2.engine'
    folder = f"/var/tmp/clusterkit-{lab.name}/clusterkit/engines"  # noqa: S108
    lab.room["gpu02"].inside("sh", "-c", gone, folder)

    answered = lab.answer("infer", "--prompt", "hi")

    assert answered["answers"][0]["text"] == expected("hi", 3)

"""A real tritonserver on each of two machines that are reached by SSH, with Open MPI 5 and 4."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.machines import SHARED, Machines, Spec, machines
from tests.e2e.triton_image import triton_image
from tests.stand_ins.triton_templates import write_templates

# What an image sets by itself, machines say for every login.
LOGINS = "LD_LIBRARY_PATH=/opt/tritonserver/libs\n"
MAPPING = {"tp_size": 3, "pp_size": 1, "gpus_per_node": 8}
RANKS = range(3)


@dataclass
class Lab:
    room: Machines
    controller: Controller

    def answer(self, *words: object) -> dict[str, Any]:
        done = self.controller(*words, "-o", "json")
        assert done.returncode == 0, done.stdout + done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer


@pytest.fixture(params=["mpi_machine", "openmpi4_machine"])
def lab(
    request: pytest.FixtureRequest, docker_host: docker.DockerClient, tmp_path: Path
) -> Iterator[Lab]:
    """Up: two ranks on gpu01 and one on gpu02."""
    name = new_cluster_name()
    image = triton_image(docker_host, request.getfixturevalue(request.param))
    options = {"shm_size": "512m"}
    specs = [Spec("gpu01", options=options), Spec("gpu02", user="ada", options=options)]
    with machines(docker_host, image, tmp_path / "person", *specs) as room:
        for machine in room.all.values():
            machine.inside("sh", "-c", 'printf %s "$0" > /etc/environment', LOGINS)
        _share(tmp_path, room)
        inventory = room.describe(
            tmp_path / "lab.yaml",
            name,
            nodes={"gpu01": {"slots": 2}, "gpu02": {"slots": 1}},
            engine={
                "name": "triton",
                "model": f"{SHARED}/engine",
                "templates": f"{SHARED}/templates",
                "backend": "python",
                "tp": len(RANKS),
            },
        )
        controller = room.controller(tmp_path / "state", name)
        try:
            made = Lab(room, controller)
            made.answer("up", inventory, "--yes")
            yield made
        finally:
            controller.close()


def _share(folder: Path, room: Machines) -> None:
    """An engine and the templates, on the disk that both machines see."""
    source = folder / "shared"
    write_templates(source / "templates", "0.16.0")
    (source / "engine/tokenizer").mkdir(parents=True)
    (source / "engine/tokenizer/tokenizer.json").write_text("{}")
    described = {"version": "0.16.0", "pretrained_config": {"mapping": MAPPING}}
    (source / "engine/config.json").write_text(json.dumps(described))
    for rank in RANKS:
        (source / f"engine/rank{rank}.engine").touch()
    packed = subprocess.run(["tar", "-C", source, "-c", "."], capture_output=True, check=True)
    assert room["gpu01"].container.put_archive(SHARED, packed.stdout)


def test_serve_infer_and_stop(lab: Lab):
    ready = lab.answer("serve", "--detach")
    answer = lab.answer("infer", "--prompt", "abc")["answers"][0]["text"]
    logs = [lab.controller("logs", ready["job"], "--rank", rank).stdout for rank in RANKS]
    stopped = lab.answer("stop")

    assert (ready["url"], ready["via"]) == ("http://127.0.0.1:8000", "proxy")
    assert answer == "cba"
    for rank, gpu in enumerate((0, 1, 0)):
        assert f"rank {rank} takes GPU {gpu}" in logs[rank]
    assert (stopped["was_running"], stopped["left"]) == (True, [])
    for machine in lab.room.all.values():
        assert machine.inside("sh", "-c", "ls /dev/shm; pgrep -a triton; :") == ""

"""Nodes whose names are not the machines' own, and Open MPI and Python in other places on one.

There is no shared disk: what ranks load is each node's own copy.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.e2e.machines import Spec, machines
from tests.e2e.model import built_model

SPECS = (Spec("gpu01"), Spec("gpu02", user="ada", port=2022), Spec("gpu03"))
NODES = {
    "a": {"host": "gpu01", "slots": 1},
    "b": {"host": "gpu02", "slots": 1},
    "c": {"host": "gpu03", "slots": 1, "python": "/opt/elsewhere/bin/python"},
}
FRANCE = "What is the capital of France?"
MAX_TOKENS = 16


@pytest.fixture(scope="module", params=["model_machine", "openmpi4_machine"])
def cluster(
    request: pytest.FixtureRequest,
    docker_host: docker.DockerClient,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Controller]:
    """Up, once with Open MPI 5 and once with 4."""
    image = request.getfixturevalue(request.param)
    folder, name = tmp_path_factory.mktemp("lab"), new_cluster_name()
    with machines(docker_host, image, folder / "person", *SPECS) as room:
        room["gpu03"].inside("mv", "/opt/clusterkit", "/opt/elsewhere")
        controller = room.controller(folder / "state", name)
        inventory = room.inventory(name, nodes=NODES)
        del inventory["storage"]
        file = folder / "lab.yaml"
        file.write_text(json.dumps(inventory))
        try:
            answer(controller, "up", file, "--yes")
            yield controller
        finally:
            controller.close()


def answer(controller: Controller, *words: object) -> dict[str, Any]:
    """The JSON of one command line that must succeed."""
    done = controller(*words, "-o", "json", timeout_s=400)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_every_rank_is_on_its_node_and_speaks_with_all_others(cluster: Controller):
    hello = answer(cluster, "mpi-hello")

    rows = [(rank["node"], rank["hostname"]) for rank in hello["ranks"]]
    assert rows == [("a", "gpu01"), ("b", "gpu02"), ("c", "gpu03")]
    assert (hello["ok"], hello["problems"]) == (True, [])


def test_every_pair_of_nodes_is_measured(cluster: Controller):
    bench = answer(cluster, "bench", "net", "--sizes", "64k")

    assert {(row["source"], row["target"]) for row in bench["links"]} == {
        (source, target) for source in NODES for target in NODES if source != target
    }


@pytest.mark.parametrize("cluster", ["model_machine"], indirect=True)  # the other has no torch
def test_a_model_in_three_parts_answers_as_one_process(cluster: Controller):
    argv = [sys.executable, Path(__file__).with_name("reference.py"), built_model().folder]
    expected = subprocess.run(
        [*argv, str(MAX_TOKENS), FRANCE], capture_output=True, text=True, check=True
    )

    words = ("infer", "--prompt", FRANCE, "--max-tokens", MAX_TOKENS, "--pp", 3)
    result = answer(cluster, *words)

    assert [each["token_ids"] for each in result["answers"]] == json.loads(expected.stdout)
    assert [rank["node"] for rank in result["ranks"]] == ["a", "b", "c"]
    model = answer(cluster, "status")["model"]
    assert (model["state"], model["nodes"]) == ("ready", dict.fromkeys(NODES, "ready"))

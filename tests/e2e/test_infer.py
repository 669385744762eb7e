"""Real answers of a real model, split over ranks on this machine and over containers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from tests.e2e.controller import Controller, free_subnet, new_cluster_name
from tests.e2e.model import CACHE, built_model

FRANCE = "What is the capital of France?"
ODD = 'it\'s $(touch /pwned) "x" \\n ünï'
MAX_TOKENS = 16


@pytest.fixture(scope="module")
def expected() -> list[list[int]]:
    """The tokens of one plain transformers process."""
    argv = [sys.executable, Path(__file__).with_name("reference.py"), built_model().folder]
    done = subprocess.run(
        [*argv, str(MAX_TOKENS), FRANCE, ODD], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Controller]:
    """A cluster on this machine, up."""
    controller = Controller(tmp_path_factory.mktemp("home"))
    try:
        done = controller("up", "inventories/local.yaml", "--yes")
        assert done.returncode == 0, done.stderr
        yield controller
    finally:
        controller.close()


@pytest.fixture(scope="module")
def containers(
    docker_host: docker.DockerClient, node_image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Controller, Path]]:
    """Three containers with two slots each, up; the models are the ones of this machine."""
    home, name = tmp_path_factory.mktemp("home"), new_cluster_name()
    controller = Controller(home, docker_host, {name})
    try:
        with free_subnet(docker_host) as subnet:
            file = home / "three.yaml"
            write_inventory(file, name, subnet, node_image, slots=2)
            done = controller("up", file, "--yes")
            assert done.returncode == 0, done.stderr
            yield controller, file
    finally:
        controller.close()


def write_inventory(file: Path, name: str, subnet: str, image: str, *, slots: int) -> None:
    inventory = {
        "cluster": name,
        "provider": "docker",
        "nodes": {"node[1-3]": {"slots": slots}},
        "network": {"subnet": subnet},
        "container": {"image": image},
        "storage": {"kind": "bind", "source": str(CACHE / "storage"), "path": "/shared"},
        "python": "/opt/clusterkit/bin/python",
    }
    file.write_text(json.dumps(inventory))  # JSON is YAML


def ask(controller: Controller, *options: str) -> dict:
    """The JSON of one `infer` with both prompts."""
    words = ["--prompt", FRANCE, "--prompt", ODD, "--max-tokens", str(MAX_TOKENS)]
    done = controller("infer", *words, *options, "-o", "json", timeout_s=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "split", [("--pp", "2"), ("--tp", "3"), ("--pp", "2", "--launcher", "torchrun")]
)
def test_on_this_machine(here: Controller, expected: list[list[int]], split: tuple) -> None:
    result = ask(here, *split)

    assert [answer["token_ids"] for answer in result["answers"]] == expected
    assert len(result["ranks"]) == int(split[1])
    assert {rank["device"] for rank in result["ranks"]} == {"cpu"}


def test_prompts_arrive_byte_for_byte(here: Controller) -> None:
    result = ask(here, "--pp", "1")

    assert [answer["prompt"] for answer in result["answers"]] == [FRANCE, ODD]
    assert f"<|im_start|>user\n{ODD}<|im_end|>\n" in result["answers"][1]["prompt_text"]
    assert not Path("/pwned").exists()


def test_tokens_stream_to_stdout(here: Controller) -> None:
    done = here("infer", "--prompt", FRANCE)

    assert (done.returncode, done.stdout) == (0, "The capital of France is Paris.\n")
    assert "2 ranks (localhost cpu, localhost cpu) · pp=2 · 8 tokens in " in done.stderr


def test_answers_that_nobody_waited_for(here: Controller) -> None:
    """Heard while they are made, and again when all is over: as if it had been waited for."""
    words = ("--prompt", FRANCE, "--max-tokens", MAX_TOKENS, "--pp", 2)
    waited = json.loads(here("infer", *words, "-o", "json").stdout)
    left_alone = here("infer", *words, "--detach")
    job = left_alone.stdout.strip()

    heard = here("attach")
    whole = json.loads(here("attach", job, "-o", "json").stdout)

    assert (left_alone.returncode, left_alone.stdout) == (0, f"{job}\n")
    assert (heard.returncode, heard.stdout) == (0, "The capital of France is Paris.\n")
    assert "2 ranks (localhost cpu, localhost cpu) · pp=2 · 8 tokens in " in heard.stderr
    assert whole["job"] == job
    assert 0 < whole["load_s"] < whole["took_s"] < 300
    assert [told(answer) for answer in whole["answers"]] == [told(a) for a in waited["answers"]]
    same = ("cluster", "model", "tp", "pp", "dtype", "seed", "versions")
    assert {key: whole[key] for key in same} == {key: waited[key] for key in same}
    assert [rank["memory_bytes"] > 0 for rank in whole["ranks"]] == [True, True]


def told(answer: dict) -> dict:
    """An answer without its times."""
    return {key: value for key, value in answer.items() if not key.endswith("_s")}


def test_prompts_of_a_file_with_a_system_prompt(here: Controller, tmp_path: Path) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(f'{json.dumps(FRANCE)}\n{{"prompt": "{FRANCE} One word."}}\n')

    words = ("--prompts", file, "--system", "You are a geographer.", "--max-tokens", 4)
    done = here("infer", *words, "-o", "json")

    answers = json.loads(done.stdout)["answers"]
    assert [answer["prompt"] for answer in answers] == [FRANCE, f"{FRANCE} One word."]
    assert all("system\nYou are a geographer." in answer["prompt_text"] for answer in answers)
    assert {answer["finish_reason"] for answer in answers} == {"length"}


def test_a_seed_draws_the_same_twice(here: Controller) -> None:
    words = ("--prompt", "Tell me a story.", "--temperature", "1.2", "--max-tokens", "12")
    runs = [here("infer", *words, "--seed", seed, "-o", "json") for seed in (7, 7, 8)]

    one, same, other = (json.loads(run.stdout)["answers"][0]["token_ids"] for run in runs)
    assert one == same
    assert one != other


def test_over_containers(containers: tuple[Controller, Path], expected: list[list[int]]) -> None:
    """Stages are dealt over the nodes; tp=3 with pp=2 takes all six slots."""
    controller, _ = containers

    for split, nodes in (
        (("--pp", "2"), ["node1", "node2"]),
        (("--pp", "2", "--launcher", "torchrun"), ["node1", "node2"]),
        (("--tp", "3", "--pp", "2"), ["node1", "node1", "node2", "node2", "node3", "node3"]),
    ):
        result = ask(controller, *split)
        assert [answer["token_ids"] for answer in result["answers"]] == expected
        assert [rank["node"] for rank in result["ranks"]] == nodes


@pytest.mark.parametrize(
    ("split", "launcher"), [(("--dp", "2"), "mpirun"), (("--tp", "3"), "torchrun")]
)
def test_compiled_ranks_over_containers(
    containers: tuple[Controller, Path],
    expected: list[list[int]],
    tmp_path: Path,
    split: tuple[str, str],
    launcher: str,
) -> None:
    controller, file = containers
    engine = {"name": "torch-tensorrt", "backend": "eager"}
    other = tmp_path / "compiled.yaml"
    other.write_text(json.dumps(json.loads(file.read_text()) | {"engine": engine}))

    result = ask(controller, "--inventory", str(other), *split, "--launcher", launcher)

    assert [answer["token_ids"] for answer in result["answers"]] == expected
    assert len({rank["node"] for rank in result["ranks"]}) == 2


def test_tensor_parallel_over_three_containers(
    containers: tuple[Controller, Path],
    docker_host: docker.DockerClient,
    expected: list[list[int]],
) -> None:
    """With one slot each, every rank has a container of its own; none is made anew for that."""
    controller, file = containers
    inventory = json.loads(file.read_text())
    labels = {"label": f"clusterkit.cluster={inventory['cluster']}"}
    before = {box.id for box in docker_host.containers.list(filters=labels)}
    inventory["nodes"] = {"node[1-3]": {"slots": 1}}
    file.write_text(json.dumps(inventory))

    up = controller("up", file, "--yes", "-o", "json")
    summaries = [step["summary"] for step in json.loads(up.stdout)["steps"]]
    result = ask(controller, "--tp", "3")

    home = f"/var/lib/clusterkit/{inventory['cluster']}"
    assert summaries == [f"rewrite {home}/hostfile"] * 3
    assert {box.id for box in docker_host.containers.list(filters=labels)} == before
    assert [answer["token_ids"] for answer in result["answers"]] == expected
    assert [rank["node"] for rank in result["ranks"]] == ["node1", "node2", "node3"]

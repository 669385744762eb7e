"""The engine torch-tensorrt on this machine: replicas, parts, both launchers, and refusals."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.controller import Controller, Done, new_cluster_name
from tests.e2e.model import write_tiny_llama

PROMPTS = ("The sea", "It's $(x) ünï 😀", "Three")
ASKED = (*(word for prompt in PROMPTS for word in ("-p", prompt)), "--raw", "--max-tokens", "10")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny") / "llama")


class Here:
    """One cluster of this machine, and the same with other engines."""

    def __init__(self, folder: Path, model: str) -> None:
        self._folder, self._model = folder, model
        self._name = new_cluster_name()
        self.person = Controller(folder / "home")

    def inventory(self, **engine: Any) -> Path:
        settings = {"model": self._model, "threads_per_rank": 1} | engine
        file = self._folder / "inventory.yaml"
        file.write_text(
            f"cluster: {self._name}\nprovider: local\nnodes: {{localhost: {{slots: 4}}}}\n"
            f"storage: {{kind: local, path: {self._folder / 'models'}}}\n"
            f"engine: {json.dumps(settings)}\n"
        )
        return file

    def infer(self, *words: str, **engine: Any) -> Done:
        return self.person("infer", "--inventory", self.inventory(**engine), *ASKED, *words)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, model: str):
    cluster = Here(tmp_path_factory.mktemp("here"), model)
    try:
        up = cluster.person("up", cluster.inventory(), "--yes")
        assert up.returncode == 0, up.stderr
        yield cluster
    finally:
        cluster.person.close()


@pytest.fixture(scope="module")
def alone(here: Here) -> list[dict[str, Any]]:
    """What one process of transformers answers, with a KV cache and without a compiler."""
    done = here.infer("-o", "json", name="transformers")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["answers"]


@pytest.mark.parametrize(
    ("backend", "dp", "tp", "launcher"),
    [
        ("eager", 2, 2, "torchrun"),
        ("inductor", 2, 1, "mpirun"),
    ],
)
def test_it_answers_as_one_process(
    here: Here, alone: list[dict[str, Any]], backend: str, dp: int, tp: int, launcher: str
) -> None:
    words = ("--dp", str(dp), "--tp", str(tp), "--launcher", launcher, "-o", "json")

    done = here.infer(*words, name="torch-tensorrt", backend=backend, batch=2)

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [(each["text"], each["token_ids"]) for each in result["answers"]] == [
        (each["text"], each["token_ids"]) for each in alone
    ]
    assert (result["dp"], result["tp"], result["batch"]) == (dp, tp, 2)
    assert result["collectives"] == ("pytorch" if tp > 1 else None)
    assert [rank["rank"] for rank in result["ranks"]] == list(range(dp * tp))
    assert all(rank["compile_s"] > 0 for rank in result["ranks"])


def test_answers_of_replicas_are_read_one_after_the_other(
    here: Here, alone: list[dict[str, Any]]
) -> None:
    done = here.infer("--dp", "2", name="torch-tensorrt", backend="eager")

    assert done.returncode == 0, done.stderr
    answers = [
        f"> {prompt}\n{answer['text']}\n".replace("\r", "\n")  # as subprocess reads it
        for prompt, answer in zip(PROMPTS, alone, strict=True)
    ]
    assert done.stdout == "\n".join(answers)
    (summary,) = done.stderr.splitlines()[-1:]
    assert summary.startswith("2 ranks (localhost cpu, localhost cpu) · dp=2 · 30 tokens in ")
    assert ", of it compiling " in summary


def test_what_is_missing_is_told_before_anything_starts(here: Here) -> None:
    done = here.infer(name="torch-tensorrt", tp=2)
    jobs = here.person("jobs", "-o", "json")

    python = sys.executable
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: localhost: torch_tensorrt compiles for NVIDIA GPUs, and the node has none. "
        "Fix: `gpus` in the inventory, or `backend: inductor`, which needs no TensorRT\n"
        f"  localhost: {python} has no torch_tensorrt and no tensorrt.\n"
        f"Fix: `{python} -m pip install torch-tensorrt`, or `backend: inductor`, which needs no "
        "TensorRT\n"
    )
    assert {job["state"] for job in json.loads(jobs.stdout)["jobs"]} <= {"done"}

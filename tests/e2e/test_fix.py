"""`fix` on a cluster that is up: a package is patched on its node, looked at, and put back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.controller import Controller

STAND_INS = Path(__file__).parents[1] / "stand_ins/tensorrt_llm_package"


@pytest.fixture
def up(
    clusterkit: Controller, tmp_path: Path, cluster_name: str, monkeypatch: pytest.MonkeyPatch
) -> Controller:
    """A cluster of this machine alone."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    file = tmp_path / "local.yaml"
    file.write_text(
        f"cluster: {cluster_name}\nprovider: local\nnodes: {{localhost: {{slots: 2}}}}\n"
        f"storage: {{kind: local, path: {tmp_path / 'models'}}}\n"
    )
    done = clusterkit("up", file, "--yes")
    assert done.returncode == 0, done.stderr
    return clusterkit


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """TensorRT-LLM 0.9, as somebody installed it."""
    folder = tmp_path / "site"
    shutil.copytree(STAND_INS / "0.9", folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "tensorrt_llm"


def fix(up: Controller, *words: object) -> tuple[int, dict[str, Any]]:
    done = up("fix", *words, "-o", "json")
    answer: dict[str, Any] = json.loads(done.stdout)
    assert done.stderr == ""
    return done.returncode, answer["nodes"][0]


def states(answer: dict[str, Any]) -> list[tuple[str, int | None]]:
    return [(file["state"], file["gpus_per_node"]) for file in answer["files"]]


def device_of_rank_1(package: Path, session: str, engine: Path) -> str:
    """What a script of the user's own comes to on a node with one GPU."""
    engine.mkdir(exist_ok=True)
    mapping = {"world_size": 2, "tp_size": 2, "pp_size": 1}
    (engine / "config.json").write_text(json.dumps({"pretrained_config": {"mapping": mapping}}))
    (engine / "rank1.engine").write_bytes(b"engine")
    script = (
        f"from tensorrt_llm.runtime import {session} as s; "
        f"print(s.from_dir({str(engine)!r}, rank=1).device)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            "PYTHONPATH": os.pathsep.join(map(str, (package.parent, STAND_INS / "machine"))),
            "OMPI_COMM_WORLD_RANK": "1",
            "OMPI_COMM_WORLD_SIZE": "2",
            "STAND_IN_GPUS": "1",
        },
        capture_output=True,
        text=True,
    )
    return done.stdout.strip() or done.stderr


def test_a_package_is_patched_and_put_back(up: Controller, package: Path, tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in package.rglob("*.py")}
    sessions = ("ModelRunner", "ModelRunnerCpp")

    def devices() -> list[str]:
        return [device_of_rank_1(package, session, tmp_path / "engine") for session in sessions]

    assert all("invalid device ordinal" in device for device in devices())

    applied = fix(up, "apply", package, "--gpus-per-node", "1")
    assert (applied[0], states(applied[1])) == (0, [("patched", 1), ("patched", 1)])
    assert devices() == ["0", "0"]

    again = fix(up, "apply", package, "--gpus-per-node", "1")
    assert again == (0, applied[1] | {"changed": False})
    assert fix(up, "status", package) == again

    reverted = fix(up, "revert", package)
    assert (reverted[0], states(reverted[1])) == (0, [("original", None), ("original", None)])
    assert {file: file.read_bytes() for file in package.rglob("*.py")} == before
    assert not list(package.rglob("*clusterkit*"))


def test_what_was_changed_since_fails_and_is_not_touched(up: Controller, package: Path) -> None:
    fix(up, "apply", package, "--gpus-per-node", "1")
    with (package / "mapping.py").open("a") as file:
        file.write("# mine\n")
    before = (package / "mapping.py").read_bytes()

    done = up("fix", "revert", package)

    assert done.returncode == 1
    assert f"{package}/mapping.py was changed since it was patched" in done.stdout
    assert (package / "mapping.py").read_bytes() == before


def test_nothing_is_guessed(up: Controller, package: Path) -> None:
    done = up("fix", "apply", package)

    assert (done.returncode, done.stderr) == (
        2,
        "Error: the inventory names no `gpus` of localhost.\n"
        "Fix: `--gpus-per-node N`, or name them there\n",
    )

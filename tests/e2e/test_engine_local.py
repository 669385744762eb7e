"""An engine on this machine alone: no root, no Docker, and an interpreter of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.e2e.controller import REPOSITORY, Controller
from tests.e2e.model_folders import glm_folder
from tests.stand_ins.programs.answer import expected
from tests.stand_ins.programs.install import install

VERSION = "0.16.0"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """An interpreter that has the stand-ins, and their programs beside it."""
    folder = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n{REPOSITORY}\n")
    install(VERSION, str(python), site, tmp_path)
    for program in (tmp_path / "usr/local/bin").iterdir():
        (folder / "bin" / program.name).symlink_to(program)
    return python


@pytest.fixture
def file(clusterkit: Controller, tmp_path: Path, cluster_name: str, python: Path) -> Path:
    """An inventory of this machine with two slots, and one engine for two ranks."""
    own = Path(sys.executable).parent  # which has mpirun
    clusterkit.variables["PATH"] = f"{python.parent}:{own}:{os.environ['PATH']}"
    clusterkit.variables["STAND_IN_GPUS"] = "2"
    clusterkit.variables["CLUSTERKIT_CACHE"] = str(tmp_path)  # `storage` lies there
    row = {
        "cluster": cluster_name,
        "provider": "local",
        "nodes": {"localhost": {"slots": 2}},
        "python": str(python),
        "engine": {
            "name": "tensorrt-llm",
            "model": str(glm_folder(tmp_path / "chatglm2-6b")),
            "examples": str(tmp_path / "app/tensorrt_llm/examples"),
            "tp": 2,
        },
    }
    inventory = tmp_path / "local.yaml"
    inventory.write_text(json.dumps(row))
    return inventory


def test_built_by_infer_and_found_by_build(
    clusterkit: Controller, file: Path, tmp_path: Path
) -> None:
    up = clusterkit("up", file, "--yes")
    answered = clusterkit("infer", "--prompt", "Hello", "-o", "json")
    built = clusterkit("build", "-o", "json")

    assert (up.returncode, answered.returncode) == (0, 0), up.stderr + answered.stderr
    (answer,) = json.loads(answered.stdout)["answers"]
    assert answer["text"] == expected("Hello", 2)
    found = json.loads(built.stdout)
    assert (found["changed"], found["log"]) == (False, None)
    engines = tmp_path / "storage/clusterkit/engines"
    assert sorted(path.name for path in engines.iterdir()) == [
        ".lock",
        Path(found["folder"]).name,
    ]
    assert clusterkit("down", "--yes").returncode == 0
    assert engines.exists()  # the storage is not the cluster's


def test_a_disk_that_is_full_is_told(clusterkit: Controller, file: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    storage = tmp_path / "storage"
    storage.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", storage], check=True)
    try:
        clusterkit("up", file, "--yes")
        done = clusterkit("build")
        left = sorted(path.name for path in (storage / "clusterkit/engines").iterdir())
        clusterkit("down", "--yes")
    finally:
        subprocess.run(["umount", storage], check=True)

    assert done.returncode == 1, done.stdout + done.stderr
    said = " ".join(done.stderr.split())
    assert "cannot be built: " in said
    assert "Fix: free some (`clusterkit engines rm`), or set `storage` to a larger disk" in said
    assert left == [".lock"]

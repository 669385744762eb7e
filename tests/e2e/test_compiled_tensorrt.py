"""The payload with backend torch_tensorrt: a stand-in of that package, of several versions.

What it cannot show is what TensorRT makes of a graph.
"""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.model import Run, compiled, generate, write_tiny_llama
from tests.stand_ins.torch_tensorrt_package.install import install

PROMPTS = ("Hello there", "a", "What is this?")
PLUGIN = b"stand-in plugin"
BY_TENSORRT = {"backend": "torch_tensorrt", "raw": True}
TRACED = {"use_distributed_mode_trace": True, "min_block_size": 1}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_llama(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny_alone(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """What one process of transformers answers."""
    return generate(tmp_path_factory.mktemp("alone"), tiny, *PROMPTS, raw=True)


def python_path(site: Path) -> Mapping[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}


def collectives_of(run: Run) -> set[Any]:
    return {row["collectives"] for row in run.of("ready")}


def test_plugins_out_of_a_wheel(tiny: str, tiny_alone: Run, tmp_path: Path) -> None:
    site = install(tmp_path, "2.9.0", tensorrt="10.13.0")
    wheel = wheel_with(tmp_path, PLUGIN)
    options = {**TRACED, "enabled_precisions": ["float32"], "use_python_runtime": True}

    run = compiled(
        tmp_path,
        tiny,
        *PROMPTS,
        **BY_TENSORRT,
        tp=2,
        batch=3,
        options=options,
        collectives="trtllm",
        plugins_path=str(wheel),
        env=python_path(site),
    )

    assert (run.exit_code, run.stderr) == (0, "")
    assert collectives_of(run) == {"trtllm"}
    assert run.tokens == tiny_alone.tokens


def test_tensorrts_own_find_pytorchs_nccl(tiny: str, tiny_alone: Run, tmp_path: Path) -> None:
    """TensorRT 10 looks for libnccl.so where the loader looked when the process began."""
    site = install(tmp_path, "2.12.0", tensorrt="10.16.1", nccl=empty_library(tmp_path))

    run = compiled(
        tmp_path,
        tiny,
        *PROMPTS,
        **BY_TENSORRT,
        tp=2,
        batch=3,
        options=TRACED,
        collectives="native",
        env=python_path(site),
    )

    assert (run.exit_code, run.stderr) == (0, "")
    assert collectives_of(run) == {"native"}
    assert run.tokens == tiny_alone.tokens


def test_each_replica_is_a_world_of_its_own(tiny: str, tiny_alone: Run, tmp_path: Path) -> None:
    """TensorRT's own collectives join all ranks of the world, and check who they are."""
    site = install(tmp_path, "2.13.0", tensorrt="11.0.0")

    run = compiled(
        tmp_path, tiny, *PROMPTS, **BY_TENSORRT, dp=2, tp=2, batch=2, env=python_path(site)
    )

    assert (run.exit_code, run.stderr) == (0, "")
    assert collectives_of(run) == {"native"}
    assert sorted(row["rank"] for row in run.of("ready")) == [0, 1, 2, 3]
    assert run.tokens == tiny_alone.tokens


def test_what_was_asked_for_is_not_there(tiny: str, tmp_path: Path) -> None:
    site = install(tmp_path, "2.11.0", tensorrt="10.15.1")

    run = compiled(
        tmp_path,
        tiny,
        "a",
        **BY_TENSORRT,
        tp=2,
        options=TRACED,
        collectives="native",
        env=python_path(site),
    )

    assert run.exit_code == 1
    assert {row["message"] for row in run.of("error")} == {
        f"{os.uname().nodename}: collectives: native was asked for, and torch_tensorrt 2.11.0 has "
        "pytorch. Fix: torch_tensorrt 2.12 or later with TensorRT 10.16 or later, or "
        "`collectives: auto`"
    }


def test_an_option_that_it_does_not_take(tiny: str, tmp_path: Path) -> None:
    site = install(tmp_path, "2.13.0", tensorrt="11.0.0")
    options = {"use_explicit_typing": True}

    run = compiled(tmp_path, tiny, "a", **BY_TENSORRT, options=options, env=python_path(site))

    assert run.exit_code == 1
    assert [row["message"] for row in run.of("error")] == [
        f"{os.uname().nodename}: backend torch_tensorrt cannot compile this model: ValueError: "
        "torch_tensorrt 2.13.0 has no settings ['use_explicit_typing']. Fix: see this rank's log; "
        "other options; or another backend, of which eager takes all models"
    ]


def test_no_torch_tensorrt(tiny: str, tmp_path: Path) -> None:
    run = compiled(tmp_path, tiny, "a", **BY_TENSORRT)

    assert run.exit_code == 1
    (error,) = run.of("error")
    assert error["message"].endswith(
        " cannot import torch_tensorrt: ModuleNotFoundError: No module named 'torch_tensorrt'. "
        "Fix: install torch-tensorrt there with the torch and TensorRT that it was built for, or "
        "`backend: inductor`"
    )


def wheel_with(folder: Path, plugin: bytes) -> Path:
    """A wheel of tensorrt_llm, as far as it matters."""
    name = "tensorrt_llm/libs/libnvinfer_plugin_tensorrt_llm.so"
    digest = base64.urlsafe_b64encode(hashlib.sha256(plugin).digest()).decode().rstrip("=")
    path = folder / "tensorrt_llm-0.16.0-cp310-cp310-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, plugin)
        archive.writestr(
            "tensorrt_llm-0.16.0.dist-info/RECORD", f"{name},sha256={digest},{len(plugin)}\n"
        )
    return path


def empty_library(folder: Path) -> Path:
    """A shared library with nothing in it."""
    library = folder / "empty.so"
    subprocess.run(["cc", "-shared", "-x", "c", "/dev/null", "-o", library], check=True)
    return library

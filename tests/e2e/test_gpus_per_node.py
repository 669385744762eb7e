"""Each rank takes a GPU that its node has: real ranks of a real mpirun, stand-ins of TensorRT-LLM.

The nodes of a layout are application contexts of one mpirun: each has its own number of ranks and
its own pretended GPUs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from packaging.version import Version

from clusterkit.engines.tensorrt_llm.gpus_per_node import gpus_per_node
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement, Rank

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = REPOSITORY / "tests/stand_ins/tensorrt_llm_package"
MPIRUN = Path(sys.executable).with_name("mpirun")
PYTHON, CPP = "ModelRunner", "ModelRunnerCpp"
VERSIONS = ("0.6", "0.7", "0.9", "0.10", "0.16", "1.2")
SESSIONS = [(version, PYTHON) for version in VERSIONS] + [
    (version, CPP) for version in VERSIONS[1:]
]
ONE, TWO, MIXED = (1, 1), (2, 2), (1, 2, 4)
ORDINAL = "RuntimeError: CUDA error: invalid device ordinal"


@dataclass(frozen=True)
class Run:
    """A layout of nodes on this machine, and the job's folder."""

    version: str
    session: str
    nodes: tuple[int, ...]
    folder: Path

    def __call__(self, at_run: str) -> list[object]:
        """What every rank says: its device, or its error."""
        self.folder.mkdir(exist_ok=True)
        for old in self.folder.glob("rank-*.json"):
            old.unlink()
        program = REPOSITORY / "tests/e2e/gpus_per_node_rank.py"
        words = [sys.executable, program, at_run, self.session, self.engine(), self.folder]
        argv: list[object] = [
            MPIRUN,
            "--allow-run-as-root",
            "--oversubscribe",
            "--bind-to",
            "none",
        ]
        for count in self.nodes:
            node = [f"{name}={count}" for name in ("LOCAL_WORLD_SIZE", "STAND_IN_GPUS")]
            argv += ["-np", count, "env", *node, f"STAND_IN_LOCAL_SIZE={count}", *words, ":"]
        done = subprocess.run(
            [str(word) for word in argv[:-1]],
            env=os.environ
            | {
                "PYTHONPATH": os.pathsep.join(
                    map(str, (PACKAGES / self.version, PACKAGES / "machine", REPOSITORY))
                ),
                "TMPDIR": "/tmp",  # noqa: S108 - a socket's path has room for 107 bytes
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        files = (self.folder / f"rank-{rank}.json" for rank in range(sum(self.nodes)))
        return [json.loads(file.read_text()) for file in files]

    def engine(self) -> Path:
        """An engine as this version builds it, on storage that nobody may write to."""
        folder, ranks = self.folder.with_name("engine"), sum(self.nodes)
        if folder.exists():
            return folder
        folder.mkdir()
        if self.version in ("0.6", "0.7"):
            config: dict[str, object] = {
                "builder_config": {
                    "name": "llama",
                    "precision": "float16",
                    "tensor_parallel": ranks,
                    "pipeline_parallel": 1,
                },
                "plugin_config": {},
            }
            names = [f"llama_float16_tp{ranks}_rank{rank}.engine" for rank in range(ranks)]
        else:
            mapping = {"world_size": ranks, "tp_size": ranks, "pp_size": 1}
            if self.version != "0.9":
                mapping["gpus_per_node"] = 8
            config = {"version": self.version, "pretrained_config": {"mapping": mapping}}
            names = [f"rank{rank}.engine" for rank in range(ranks)]
        (folder / "config.json").write_text(json.dumps(config))
        for name in names:
            (folder / name).write_bytes(b"engine")
        folder.chmod(0o555)
        return folder

    @property
    def placement(self) -> Placement:
        """The same nodes, as they are planned."""
        places = [
            (f"node{number}", local)
            for number, count in enumerate(self.nodes, 1)
            for local in range(count)
        ]
        return Placement(
            tuple(Rank(rank, node, local, local) for rank, (node, local) in enumerate(places))
        )


@pytest.mark.parametrize("nodes", [ONE, TWO, MIXED], ids=str)
@pytest.mark.parametrize(("version", "session"), SESSIONS)
def test_with_the_fix_every_rank_takes_a_gpu_of_its_own(
    version: str, session: str, nodes: tuple[int, ...], tmp_path: Path
) -> None:
    run = Run(version, session, nodes, tmp_path / "job")
    before = {file.name: file.read_bytes() for file in run.engine().iterdir()}
    settings = TensorRtLlmSettings.model_validate(
        {"name": "tensorrt-llm", "model": "/m", "pp": sum(nodes)}
    )

    fix = gpus_per_node(settings, Version(version), run.placement)
    devices = run(fix.at_run)

    assert fix.at_run == ("shim" if Version(version) < Version("0.10") else "config")
    counts = [count for count in nodes for _ in range(count)]
    assert devices == [rank % count for rank, count in enumerate(counts)]
    assert _by_node(devices, nodes) == [set(range(count)) for count in nodes]
    assert {file.name: file.read_bytes() for file in run.engine().iterdir()} == before


BLIND = {
    ONE: [0, ORDINAL],
    TWO: [0, 1, ORDINAL, ORDINAL],
    MIXED: [0, 1, ORDINAL, 3, ORDINAL, ORDINAL, ORDINAL],
}
"""What `rank % 8` comes to on nodes that have fewer GPUs."""


@pytest.mark.parametrize("nodes", [ONE, TWO, MIXED], ids=str)
@pytest.mark.parametrize("version", VERSIONS)
def test_without_it_the_python_session_asks_for_gpus_that_are_not_there(
    version: str, nodes: tuple[int, ...], tmp_path: Path
) -> None:
    assert Run(version, PYTHON, nodes, tmp_path / "job")("none") == BLIND[nodes]


def _incompatible(gpus: int, ranks: int) -> str:
    return (
        f"RuntimeError: [TensorRT-LLM][ERROR] Assertion failed: Detect {gpus} GPUs, the GPU "
        f"number is incompatible with 8 gpusPerNode when MPI size is {ranks}"
    )


@pytest.mark.parametrize("nodes", [ONE, TWO, MIXED], ids=str)
@pytest.mark.parametrize("version", VERSIONS[1:])
def test_without_it_the_cpp_session_does_what_its_version_does(
    version: str, nodes: tuple[int, ...], tmp_path: Path
) -> None:
    found = Run(version, CPP, nodes, tmp_path / "job")("none")

    if version == "0.16":
        two, four = _incompatible(2, sum(nodes)), _incompatible(4, sum(nodes))
        assert found == {ONE: [0, 0], TWO: [two] * 4, MIXED: [0, *[two] * 2, *[four] * 4]}[nodes]
    elif version == "1.2":
        assert _by_node(found, nodes) == [set(range(count)) for count in nodes]
    else:
        shown = ["invalid device ordinal" if "ordinal" in str(each) else each for each in found]
        blind = ["invalid device ordinal" if each == ORDINAL else each for each in BLIND[nodes]]
        assert shown == blind


def test_in_0_9_the_config_does_not_help(tmp_path: Path) -> None:
    run = Run("0.9", PYTHON, ONE, tmp_path / "job")

    assert run("config") == [0, ORDINAL]


def _by_node(found: list[object], nodes: tuple[int, ...]) -> list[set[object]]:
    ends = [sum(nodes[:index]) for index in range(len(nodes) + 1)]
    return [set(found[start:end]) for start, end in pairwise(ends)]

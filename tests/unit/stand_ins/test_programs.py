"""The stand-ins of TensorRT-LLM's programs refuse what the genuine ones refuse, and write as they.

What they stand in for cannot run here, so this holds them to what is known of it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.model_folders import glm_folder
from tests.stand_ins.programs.answer import expected
from tests.stand_ins.programs.install import install
from tests.stand_ins.programs.versions import VERSIONS, programs

REPOSITORY = Path(__file__).resolve().parents[3]
MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")


@dataclass
class Installed:
    """One version, laid into a folder; ``model`` is the folder of a model."""

    root: Path
    model: Path

    def __call__(self, program: str, *words: object, **env: str):
        """Run one of its programs, by its path below the root."""
        return self.run([str(self.root / program), *map(str, words)], **env)

    def under_mpirun(self, ranks: int, program: str, *words: object, **env: str):
        argv = [str(MPIRUN), "--allow-run-as-root", "--oversubscribe", "-np", str(ranks)]
        argv += [sys.executable, "-m", "mpi4py"]  # ends all ranks with the first that fails
        return self.run([*argv, str(self.root / program), *map(str, words)], **env)

    def run(self, argv: list[str], **env: str):
        paths = f"{self.root}/site:{REPOSITORY}"
        return subprocess.run(
            argv,
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": paths, "STAND_IN_GPUS": "2", **env},
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture
def installed(tmp_path: Path):
    def of(version: str) -> Installed:
        (tmp_path / "site").mkdir()
        install(version, sys.executable, tmp_path / "site", tmp_path)
        return Installed(tmp_path, glm_folder(tmp_path / "chatglm2-6b"))

    return of


CHATGLM = "app/tensorrt_llm/examples/chatglm"
RUN = "app/tensorrt_llm/examples/run.py"


@pytest.mark.parametrize("version", VERSIONS)
def test_flags_are_those_of_the_version(installed, version: str):
    here = installed(version)
    for program in programs(version):
        path = here.root / "usr/local/bin" / program
        if program.startswith("examples/"):
            path = here.root / "app/tensorrt_llm" / program
        done = here(str(path), "--no-such-flag", "1")
        assert (program, done.returncode) == (program, 2)
        assert "--no-such-flag" in done.stderr or "required" in done.stderr


def test_build_py_wants_its_sizes_to_agree_and_names_files_as_the_vendor_does(installed):
    here = installed("0.7.1")
    words = ("--model_name", "chatglm2_6b", "--model_dir", here.model, "--output_dir", "engine")

    half = here(f"{CHATGLM}/build.py", *words, "--world_size", 2)
    done = here(f"{CHATGLM}/build.py", *words, "--world_size", 2, "--tp_size", 2)

    assert (half.returncode, "assert world == tp * pp" in half.stderr) == (1, True)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (here.root / "engine").iterdir()) == [
        "chatglm2_6b_float16_tp2_rank0.engine",
        "chatglm2_6b_float16_tp2_rank1.engine",
        "config.json",
        "model.cache",
    ]
    config = json.loads((here.root / "engine/config.json").read_text())
    assert sorted(config) == ["builder_config", "plugin_config"]


def test_no_build_under_mpirun(installed):
    here = installed("0.7.1")
    words = ("--model_name", "chatglm2_6b", "--model_dir", here.model)
    done = here.under_mpirun(1, f"{CHATGLM}/build.py", *words)
    assert done.returncode != 0
    assert "MPI was set up by a launcher" in done.stderr


@pytest.mark.parametrize(
    ("version", "kept"), [("0.9.0", None), ("0.10.0", 1), ("0.16.0", 1), ("1.1.0", 1)]
)
def test_a_checkpoint_becomes_rank_files(installed, version: str, kept: int | None):
    here = _built(installed(version), "--gpus_per_node", "1")
    engine = here.root / "engine"
    config = json.loads((engine / "config.json").read_text())
    assert sorted(path.name for path in engine.iterdir()) == [
        "config.json",
        "rank0.engine",
        "rank1.engine",
    ]
    assert config["version"] == version
    assert config["pretrained_config"]["mapping"].get("gpus_per_node") == kept


@pytest.mark.parametrize("version", ["0.9.0", "0.12.0", "1.2.0"])
def test_run_py_answers_with_all_ranks(installed, version: str):
    here = _built(installed(version))
    done = here.under_mpirun(2, RUN, *_asked(here), "--input_text", "Hi there", "And you?")
    assert done.returncode == 0, done.stderr
    for number, prompt in enumerate(("Hi there", "And you?")):
        assert f'Output [Text {number} Beam 0]: "{expected(prompt, 2)}"\n' in done.stdout


def test_run_py_ends_where_a_rank_has_no_gpu(installed):
    here = _built(installed("0.9.0"))
    done = here.under_mpirun(2, RUN, *_asked(here), "--input_text", "Hi", STAND_IN_GPUS="1")
    assert done.returncode != 0
    assert "invalid device ordinal" in done.stderr


def test_run_py_wants_its_engine_and_its_tokenizer(installed):
    here = _built(installed("0.12.0"))
    (here.root / "engine/rank1.engine").rename(here.root / "elsewhere")

    missing = here.under_mpirun(2, RUN, *_asked(here))
    (here.root / "elsewhere").rename(here.root / "engine/rank1.engine")
    another_gpu = here.under_mpirun(2, RUN, *_asked(here), STAND_IN_GPU_COMPUTE="8.0")
    one_rank = here.under_mpirun(1, RUN, *_asked(here))
    for path in here.model.glob("tokenizer*"):
        path.unlink()
    no_words = here.under_mpirun(2, RUN, *_asked(here))

    assert "Error opening engine file: " in missing.stderr
    assert "engine plan file is generated on an incompatible device" in another_gpu.stderr
    assert "MPI size 1 != TP size 2 * PP size 1" in one_rank.stderr
    assert "Can't load tokenizer for" in no_words.stderr


def _built(here: Installed, *flags: str) -> Installed:
    examples = CHATGLM
    if not (here.root / CHATGLM).exists():
        examples = "app/tensorrt_llm/examples/models/core/glm-4-9b"
    converted = here(
        f"{examples}/convert_checkpoint.py",
        *("--model_dir", here.model, "--output_dir", "checkpoint", "--tp_size", 2),
    )
    assert converted.returncode == 0, converted.stderr
    built = here(
        "usr/local/bin/trtllm-build",
        *("--checkpoint_dir", "checkpoint", "--output_dir", "engine", *flags),
    )
    assert built.returncode == 0, built.stderr
    return here


def _asked(here: Installed) -> tuple[object, ...]:
    return ("--engine_dir", "engine", "--tokenizer_dir", here.model, "--max_output_len", 100)

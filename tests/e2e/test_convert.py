"""The converting payload: it publishes whole folders, and leaves nothing when it is ended."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.model import CACHE, PAYLOADS, built_model

CONVERT = [sys.executable, str(PAYLOADS), "convert"]
# A model of random weights as older libraries saved it: no safetensors.
OLD_STYLE = """
import sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
folder = sys.argv[1]
torch.manual_seed(0)
config = LlamaConfig(vocab_size=49152, hidden_size=16, intermediate_size=32,
    num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64)
model = LlamaForCausalLM(config)
config.architectures = ["LlamaForCausalLM"]
config.save_pretrained(folder)
torch.save(model.state_dict(), folder + "/pytorch_model.bin")
"""
TINY_SHAPE = {
    "architecture": "LlamaForCausalLM",
    "heads": 4,
    "kv_heads": 2,
    "head_dim": 4,
    "layers": 2,
    "hidden": 16,
    "vocab": 49152,
    "max_context": 64,
    "parameters": 2 * 49152 * 16 + 2 * (16 * 16 * 3 + 16 * 32 * 3 + 16 * 2) + 16,
    "tied": False,
}


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder without safetensors."""
    folder = tmp_path_factory.mktemp("tiny")
    subprocess.run([sys.executable, "-c", OLD_STYLE, folder], check=True, capture_output=True)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(Path(built_model().folder) / name, folder)
    return folder


@pytest.fixture(scope="module")
def gguf() -> Path:
    built_model()
    (found,) = (CACHE / "models" / "smollm2-135m").glob("*.gguf")
    return found


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def start(
    processes: list[subprocess.Popen[str]], source: Path, target: Path
) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [*CONVERT, source, target, "--name", "tiny", "--source-sha256", "ab"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    processes.append(process)
    return process


def ended(process: subprocess.Popen[str]) -> tuple[int, dict[str, object], str]:
    """Exit code, last event and stderr; its stdin stays open until then."""
    assert process.stdout is not None
    assert process.stderr is not None
    out, err = process.stdout.read(), process.stderr.read()
    return process.wait(60), json.loads(out.splitlines()[-1]), err


def check(target: Path, how: str = "--check") -> tuple[int, dict[str, object]]:
    done = subprocess.run([*CONVERT, how, target], capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout)


def test_two_at_once_publish_one_folder(
    processes: list[subprocess.Popen[str]], tiny: Path, tmp_path: Path
) -> None:
    target = tmp_path / "models" / "tiny"

    pair = [start(processes, tiny, target) for _ in range(2)]
    ends = [ended(process) for process in pair]

    assert [(code, errors) for code, _, errors in ends] == [(0, "")] * 2
    assert sorted(str(event["changed"]) for _, event, _ in ends) == ["False", "True"]
    assert [path.name for path in target.parent.iterdir()] == ["tiny"]
    code, verified = check(target, "--verify")
    manifest = verified["manifest"]
    assert code == 0
    assert isinstance(manifest, dict)
    assert (manifest["name"], manifest["source_sha256"]) == ("tiny", "ab")
    shape = manifest["shape"]
    assert {name: shape[name] for name in TINY_SHAPE} == TINY_SHAPE
    assert 2 * shape["parameters"] < shape["weight_bytes"] < 2 * shape["parameters"] + 8192


def test_a_damaged_folder_is_noticed_and_made_anew(
    processes: list[subprocess.Popen[str]], tiny: Path, tmp_path: Path
) -> None:
    target = tmp_path / "tiny"
    assert ended(start(processes, tiny, target))[0] == 0
    weights = target / "model.safetensors"
    size = weights.stat().st_size
    with weights.open("r+b") as file:
        file.seek(size - 1)
        file.write(b"\x55")

    assert check(target)[0] == 0  # sizes alone do not show it
    problem = "model.safetensors has another sha256 than was written"
    assert check(target, "--verify") == (
        3,
        {"event": "different", "folder": str(target), "problems": [problem]},
    )
    assert ended(start(processes, tiny, target))[1]["changed"] is True
    assert check(target, "--verify")[0] == 0

    weights.write_bytes(b"short")
    (target / "config.json").unlink()
    assert check(target)[1]["problems"] == [
        "config.json is missing",
        f"model.safetensors has 5 bytes, {size} were written",
    ]
    code, event, _ = ended(start(processes, tiny, target))
    assert (code, event["changed"]) == (0, True)
    assert check(target, "--verify")[0] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["tiny"]


def test_it_ends_with_its_stdin_and_leaves_nothing(
    processes: list[subprocess.Popen[str]], gguf: Path, tmp_path: Path
) -> None:
    process = start(processes, gguf, tmp_path / "model")
    assert process.stdin is not None
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["stage"] == "read"

    closed = time.monotonic()
    process.stdin.close()

    assert process.wait(30) == 1
    assert time.monotonic() - closed < 5
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_one_left_is_removed_by_the_next(
    processes: list[subprocess.Popen[str]], gguf: Path, tiny: Path, tmp_path: Path
) -> None:
    process = start(processes, gguf, tmp_path / "model")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait(30)
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]

    assert ended(start(processes, tiny, tmp_path / "model"))[0] == 0

    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_source_that_is_no_model(processes: list[subprocess.Popen[str]], tmp_path: Path) -> None:
    source = tmp_path / "x.gguf"
    source.write_bytes(b"GGUF is not what this is")

    code, event, errors = ended(start(processes, source, tmp_path / "models" / "x"))

    assert (code, event["event"], errors) == (1, "error", "")
    assert str(event["message"]).startswith(f"{source}: ")
    assert list((tmp_path / "models").iterdir()) == []

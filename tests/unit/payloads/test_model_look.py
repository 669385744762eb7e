"""Looking at models' folders: every family's names, what is missing, and what is read twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clusterkit.payloads.model_folder import shape_from
from clusterkit.payloads.model_look import digest_of, look
from tests.e2e.local_job import PAYLOADS

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 16,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "vocab_size": 100,
    "max_position_embeddings": 64,
}
CHATGLM2 = {
    "architectures": ["ChatGLMModel"],
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "multi_query_attention": True,
    "multi_query_group_num": 2,
    "kv_channels": 128,
    "num_layers": 28,
    "padded_vocab_size": 65024,
    "seq_length": 32768,
    "tie_word_embeddings": False,
}
QWEN = {
    "architectures": ["QWenLMHeadModel"],
    "hidden_size": 4096,
    "num_attention_heads": 32,
    "kv_channels": 128,
    "num_hidden_layers": 32,
    "vocab_size": 151936,
    "seq_length": 8192,
}
GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "model_type": "gpt2",
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_positions": 1024,
    "vocab_size": 50257,
}
MIXTRAL = LLAMA | {"architectures": ["MixtralForCausalLM"], "num_key_value_heads": 2}


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (LLAMA, ("LlamaForCausalLM", 4, 4, 4, 2, 16, 100, 64, False)),
        (CHATGLM2, ("ChatGLMModel", 32, 2, 128, 28, 4096, 65024, 32768, False)),
        (QWEN, ("QWenLMHeadModel", 32, 32, 128, 32, 4096, 151936, 8192, False)),
        (GPT2, ("GPT2LMHeadModel", 12, 12, 64, 12, 768, 50257, 1024, True)),
        (MIXTRAL, ("MixtralForCausalLM", 4, 2, 4, 2, 16, 100, 64, False)),
    ],
)
def test_the_shape_of_every_family(config: dict[str, Any], shape: tuple[object, ...]):
    assert tuple(shape_from(config).values()) == shape


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA))
    (folder / "tokenizer.json").write_text("{}")
    (folder / ".hidden").write_text("")
    write_weights(folder / "model-00001-of-00002.safetensors")
    write_weights(folder / "model-00002-of-00002.safetensors")
    return folder


def write_weights(path: Path, numbers: int = 10) -> None:
    tensors = {"w": {"dtype": "F16", "shape": [numbers], "data_offsets": [0, 2 * numbers]}}
    header = json.dumps({"__metadata__": {}, **tensors}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(2 * numbers))


def test_a_whole_model(model: Path):
    seen = look(model, model)

    assert {key: seen[key] for key in ("is_there", "has_config", "missing", "broken")} == {
        "is_there": "folder",
        "has_config": True,
        "missing": [],
        "broken": [],
    }
    assert (seen["parameters"], seen["shape"]["parameters"]) == (20, 20)
    assert list(seen["files"]) == [
        "config.json",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "tokenizer.json",
    ]
    assert (seen["tokenizer_files"], seen["unreadable"]) == (["tokenizer.json"], {})


def test_shards_that_the_index_names_and_files_that_end_early(model: Path):
    index = {f"w{n}": f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)}
    (model / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    shard = model / "model-00002-of-00002.safetensors"
    os.truncate(shard, shard.stat().st_size - 1)

    seen = look(model, model)

    assert seen["broken"] == ["model-00002-of-00002.safetensors"]
    assert seen["missing"] == [f"model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]


def test_weights_of_pytorch_tell_their_size_in_the_index(model: Path):
    for path in model.glob("*.safetensors"):
        path.unlink()
    (model / "pytorch_model-1.bin").write_bytes(bytes(40))
    (model / "training_args.bin").write_bytes(b"no weights")
    assert look(model, model)["parameters"] is None
    assert look(model, model)["shape"]["parameters"] == 20

    row = {"metadata": {"total_size": 40}, "weight_map": {"w": "pytorch_model-1.bin"}}
    (model / "pytorch_model.bin.index.json").write_text(json.dumps(row))

    seen = look(model, model)
    assert (seen["weights"], seen["parameters"], seen["missing"]) == (
        ["pytorch_model-1.bin"],
        20,
        [],
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("[]", "it is no JSON object"),
        (json.dumps(LLAMA | {"vocab_size": None}), "it does not tell the model's vocab"),
        ("{}", "it does not tell the model's shape"),
        ('{"hidden_size": 4}', "it does not tell the model's shape"),
    ],
)
def test_a_config_that_tells_too_little(model: Path, text: str, why: str):
    (model / "config.json").write_text(text)

    seen = look(model, model)

    assert (seen["shape"], seen["unreadable"]) == (None, {str(model / "config.json"): why})


def test_a_folder_that_is_none(tmp_path: Path, model: Path):
    absent, file = look(tmp_path / "no", model), look(model / "config.json", model)

    assert (absent["is_there"], file["is_there"]) == ("absent", "file")
    assert (absent["files"], file["files"]) == ({}, {})


def test_files_are_read_once_and_again_when_they_change(model: Path, tmp_path: Path):
    record = tmp_path / "own" / "models.json"
    files = {path.name: path for path in model.glob("*.*")}

    assert digest_of(files, record, only=True) is None
    first = digest_of(files, record, only=False)
    assert digest_of(files, record, only=True) == first
    other = model / "tokenizer.json"
    os.utime(other, ns=(1, 1))
    assert digest_of(files, record, only=True) is None
    assert digest_of(files, record, only=False) == first
    other.write_text("[]")
    assert digest_of(files, record, only=False) != first


def test_the_program_answers_in_one_line_and_reads_nothing_that_is_not_whole(
    model: Path, tmp_path: Path
):
    record = tmp_path / "models.json"
    words = ["model_look", model, "--tokenizer", model, "--record", record]
    argv = [sys.executable, "-I", "-S", PAYLOADS, *map(str, words)]

    def answer(*flags: str) -> dict[str, Any]:
        with subprocess.Popen(
            [*argv, *flags], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:  # whose stdin stays open until it ends
            assert process.stdout is not None
            row: dict[str, Any] = json.loads(process.stdout.read().splitlines()[-1])
            return row

    assert answer("--remembered-only")["digest"] is None
    digest = answer()["digest"]
    assert len(digest) == 64
    assert answer("--remembered-only")["digest"] == digest
    (model / "config.json").unlink()
    assert answer()["digest"] is None

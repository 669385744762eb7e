"""How a model is served: every version that can, whole lines, judged by the vendor's parsers."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.serving import Listening
from clusterkit.engines.tensorrt_llm.serve import serve_refusals, serve_words
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from tests.golden.vendor_parsers import judge

HEAD = Listening("10.0.0.1", 8000, "10.0.0.1")
BUILT = "/shared/clusterkit/engines/llama-8b-0a1b2c3d4e5f"
SERVER = ("trtllm-llmapi-launch", "trtllm-serve")
WHERE = ("--host", "10.0.0.1", "--port", "8000")
SPLIT = ("--tp_size", "2", "--pp_size", "2")


def settings(**changed: Any) -> TensorRtLlmSettings:
    given = {"name": "tensorrt-llm", "model": "/models/llama-8b", "tp": 2, "pp": 2}
    return TensorRtLlmSettings.model_validate(given | changed)


ENGINE = (BUILT, "--tokenizer", f"{BUILT}/tokenizer")
MODEL = ("/models/llama-8b", "--backend", "pytorch", *WHERE, *SPLIT)
LENGTHS = ("--max_batch_size", "8", "--max_seq_len", "2048")


@pytest.mark.parametrize(
    ("version", "changed", "folder", "expected"),
    [
        ("0.15.0", {}, BUILT, (*ENGINE, *WHERE, *SPLIT)),
        ("0.16.0", {}, BUILT, (*ENGINE, *WHERE, *SPLIT)),
        ("0.20.0", {}, BUILT, (*ENGINE, *WHERE, *SPLIT)),
        ("1.0.0", {}, BUILT, (*ENGINE, "--backend", "tensorrt", *WHERE, *SPLIT)),
        ("1.3.0rc3", {}, BUILT, (*ENGINE, "--backend", "tensorrt", *WHERE, *SPLIT)),
        ("1.0.0", {"backend": "pytorch"}, "/models/llama-8b", (*MODEL, *LENGTHS)),
        ("1.3.0rc3", {"backend": "pytorch"}, "/models/llama-8b", (*MODEL, *LENGTHS)),
        ("1.3.0rc22", {}, "/models/llama-8b", (*MODEL, *LENGTHS)),
        ("1.4.0rc1", {}, "/models/llama-8b", (*MODEL, *LENGTHS)),
        (
            "1.3.0rc3",
            {
                "backend": "pytorch",
                "serve_flags": ["--max_seq_len", "8192", "--trust_remote_code"],
            },
            "/models/llama-8b",
            (*MODEL, "--max_batch_size", "8", "--max_seq_len", "8192", "--trust_remote_code"),
        ),
        (
            "1.3.0rc3",
            {"backend": "pytorch", "tokenizer": "/models/own"},
            "/models/llama-8b",
            ("/models/llama-8b", "--tokenizer", "/models/own", *MODEL[1:], *LENGTHS),
        ),
    ],
)
def test_whole_lines(
    version: str, changed: dict[str, Any], folder: str, expected: tuple[str, ...]
) -> None:
    asked = settings(**changed)

    words = serve_words(asked, Version(version), folder, HEAD)

    assert list(serve_refusals(asked, Version(version))) == []
    assert words == (*SERVER, *expected)
    assert judge(Version(version), words[1:], examples="/app/examples") == "trtllm-serve"


@pytest.mark.parametrize(
    ("version", "changed", "problems"),
    [
        (
            "0.12.0",
            {},
            [
                "engine.version: TensorRT-LLM 0.12.0 has no trtllm-serve; 0.15 was the first. "
                "Fix: `clusterkit infer`, or 0.15 or newer"
            ],
        ),
        (
            "0.16.0",
            {"backend": "pytorch"},
            [
                "engine.backend: with TensorRT-LLM 0.16.0 clusterkit serves engines; PyTorch is "
                "supported from 1.0 on. Fix: leave engine.backend out"
            ],
        ),
        (
            "1.3.0rc22",
            {"backend": "tensorrt", "quantization": "fp8"},
            [
                "engine.backend: TensorRT-LLM 1.3.0rc22 runs no engines any more; 1.3.0rc20 was "
                "the last. Fix: leave engine.backend out, and PyTorch serves the model itself",
                "engine.quantization: PyTorch serves the model's own numbers. Fix: a model that "
                "is quantized already, and no engine.quantization",
            ],
        ),
        (
            "1.2.0",
            {"serve_flags": ["--port", "1", "--tokenizer", "/my models/t"]},
            [
                "engine.serve_flags: `--port` is set by clusterkit. Fix: use `--port` of "
                "clusterkit serve",
                "`/my models/t`: trtllm-llmapi-launch of TensorRT-LLM 1.2.0 splits words at "
                "spaces. Fix: a path without",
            ],
        ),
    ],
)
def test_what_cannot_be_served(version: str, changed: dict[str, Any], problems: list[str]) -> None:
    assert list(serve_refusals(settings(**changed), Version(version))) == problems


def test_an_unknown_flag_is_refused() -> None:
    asked = settings(serve_flags=["--max_seq_length", "4096"])
    (problem,) = serve_refusals(asked, Version("1.3.0rc3"))
    assert "`--max_seq_length` is no flag of trtllm-serve in TensorRT-LLM 1.3.0rc3" in problem
    assert "did you mean `--max_seq_len`?" in problem


@pytest.mark.parametrize(
    ("listening", "url", "own_url"),
    [
        (HEAD, "http://10.0.0.1:8000", "http://10.0.0.1:8000"),
        (Listening("0.0.0.0", 9, "10.0.0.1"), "http://10.0.0.1:9", "http://127.0.0.1:9"),  # noqa: S104
        (Listening("::", 9, "fd00::1"), "http://[fd00::1]:9", "http://[::1]:9"),
    ],
)
def test_where_it_is_reached(listening: Listening, url: str, own_url: str) -> None:
    assert (listening.url, listening.own_url) == (url, own_url)

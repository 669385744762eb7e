"""What a build is besides its lines: its key, its files, its size, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from clusterkit.errors import UsageError
from tests.unit.engines.tensorrt_llm.builds import LLAMA_7B, build, folder, node

GIB = 2**30


def refused(version: str, **given: Any) -> str:
    with pytest.raises(UsageError) as error:
        build(version, **given)
    return str(error.value)


def test_a_pipeline_of_0_5_in_fp8_with_calibration_and_without() -> None:
    given: dict[str, Any] = {"tp": 1, "pp": 2, "quantization": "fp8", "model": "/w/70B"}
    calibrated = build("0.5.0", **given)
    words = "--enable_fp8 --fp8_kv_cache --use_rmsnorm_plugin float16 --use_inflight_batching"
    as_it_was = build("0.5.0", build_flags=tuple(words.split()), **given)

    assert [stage.name for stage in calibrated.stages] == ["quantize", "build"]
    assert "{work}.checkpoint/llama_tp1_rank0.npz" in calibrated.stages[1].argv
    assert [stage.name for stage in as_it_was.stages] == ["build"]
    assert " ".join(as_it_was.stages[0].argv) == (
        "python3 /app/tensorrt_llm/examples/llama/build.py --model_dir /w/70B --dtype float16 "
        "--world_size 2 --tp_size 1 --pp_size 2 --max_batch_size 8 --max_input_len 1024 "
        "--max_output_len 1024 --use_gpt_attention_plugin float16 --use_gemm_plugin float16 "
        f"--remove_input_padding --enable_context_fmha --output_dir {{work}} {words}"
    )
    assert as_it_was.name == "llama-70B-fp8-tp1-pp2"
    assert as_it_was.rank_files == (
        ("llama_float16_tp1_pp2_rank0.engine",),
        ("llama_float16_tp1_pp2_rank1.engine",),
    )


def test_scales_that_are_there_are_not_made_again() -> None:
    found = build("0.7.1", quantization="fp8", quantized_weights="/q/llama_tp1_rank0.npz")

    assert [stage.name for stage in found.stages] == ["build"]
    assert "/q/llama_tp1_rank0.npz" in found.stages[0].argv


def test_the_key_is_whatever_makes_another_engine() -> None:
    facts = node(2, tensorrt="10.7.0", tensorrt_llm="0.16.0")
    found = build("0.16.0", folder(LLAMA_7B), facts, tp=2)

    assert found.key == {
        "engine": "tensorrt-llm",
        "version": "0.16.0",
        "tensorrt": "10.7.0",
        "gpu": ["9.0"],
        "family": "llama",
        "model": "ab" * 32,
        "tokenizer": None,
        "dtype": "float16",
        "quantization": "none",
        "tp": 2,
        "pp": 1,
        "stages": [
            ["convert", *found.stages[0].argv[1:-2]],
            ["build", *found.stages[1].argv[:-2]],
        ],
    }
    assert found.stages[0].argv[-2:] == found.stages[1].argv[-2:] == ("--workers", "2")


def test_the_key_is_the_same_with_fewer_gpus_and_another_python() -> None:
    def key(**given: Any) -> object:
        return build("0.16.0", folder(LLAMA_7B), tp=2, **given).key

    assert key(facts=node(1)) == key(facts=node(2)) == key(facts=node(2), workers=1)
    assert key() != key(max_batch_size=9)
    assert key() != key(build_flags=("--max_num_tokens", "99"))


def test_sizes_are_those_of_the_weights() -> None:
    plain = build("0.16.0", folder(LLAMA_7B))
    eight = build("0.16.0", folder(LLAMA_7B), quantization="fp8")

    assert round((plain.size_bytes or 0) / GIB, 1) == 12.6
    assert round((eight.size_bytes or 0) / GIB, 1) == 6.5  # embeddings stay as they are
    assert plain.work_bytes == plain.size_bytes
    assert build("0.7.1", folder(LLAMA_7B)).work_bytes == 0
    assert build("0.16.0").size_bytes is None


def test_managed_weights_are_files_of_their_ranks() -> None:
    assert build("0.16.0", tp=2, build_flags=("--fast_build",)).rank_files == (
        ("rank0.engine", "rank0_managed_weights.safetensors"),
        ("rank1.engine", "rank1_managed_weights.safetensors"),
    )


def test_tokenizer_and_files() -> None:
    found = build("0.16.0", tokenizer="/models/tokens")

    assert found.tokenizer == "/models/tokens"
    assert build("0.16.0").tokenizer == "/models/llama-7b"
    assert (found.common_files, found.other_files) == (("config.json",), ("model.cache",))


def test_variants_are_told_where_the_path_does_not() -> None:
    def converts(version: str, **given: Any) -> str:
        return " ".join(build(version, **given).stages[0].argv)

    assert "--chatglm_version" not in converts("0.16.0", family="chatglm2", model="/m/chatglm2-6b")
    assert "--chatglm_version chatglm2" in converts("0.16.0", family="chatglm2", model="/m/six")
    assert "--gpt_variant gpt2" in converts("0.16.0", family="gpt2", model="/m/six")


def test_long_prompts_raise_the_tokens_of_a_batch() -> None:
    words = build("0.16.0", max_input_len=16_000).stages[1].argv
    own = build("0.16.0", max_input_len=16_000, build_flags=("--max_num_tokens", "20000"))

    assert words[words.index("--max_num_tokens") + 1] == "16000"
    assert own.stages[1].argv.count("--max_num_tokens") == 1
    assert "--max_num_tokens" not in build("0.10.0", max_input_len=16_000).stages[1].argv


@pytest.mark.parametrize(
    ("version", "given", "message"),
    [
        (
            "1.3.0rc21",
            {},
            "engine.version: TensorRT-LLM 1.3.0rc21 has no engines any more; 1.3.0rc20 was the "
            "last that had. Fix: `clusterkit serve`, which serves the model itself with the "
            "PyTorch backend, or TensorRT-LLM 1.3.0rc20",
        ),
        (
            "1.4.0rc0",
            {},
            "engine.version: TensorRT-LLM 1.4.0rc0 has no engines any more; 1.3.0rc20 was the "
            "last that had. Fix: `clusterkit serve`, which serves the model itself with the "
            "PyTorch backend, or TensorRT-LLM 1.3.0rc20",
        ),
        (
            "1.2.1",
            {"backend": "pytorch"},
            "engine.backend: the PyTorch backend has no engines; it serves the model itself. Fix: "
            "`clusterkit serve`, or engine.backend tensorrt",
        ),
        (
            "0.5.0",
            {"family": "mixtral"},
            "engine.family: TensorRT-LLM 0.5.0 has no mixtral. Fix: 0.7.0 or newer",
        ),
        (
            "0.5.0",
            {"family": "chatglm2", "tp": 2},
            "engine.tp, engine.pp: chatglm2 in TensorRT-LLM 0.5.0 runs on one GPU. Fix: tp 1 and "
            "pp 1, or 0.6.0 or newer, which has tp",
        ),
        (
            "0.16.0",
            {"family": "chatglm2", "pp": 2},
            "engine.pp: TensorRT-LLM has no pipeline parallelism for ChatGLM in any version. Fix: "
            "tp 2 and pp 1",
        ),
        (
            "0.8.0",
            {"family": "gpt2", "pp": 2},
            "engine.pp: TensorRT-LLM 0.8.0 has no pipeline parallelism for GPT. Fix: tp 2 and pp "
            "1, or 0.10.0 or newer",
        ),
        (
            "0.9.0",
            {"family": "mixtral", "quantization": "fp8"},
            "engine.quantization: mixtral in TensorRT-LLM 0.9.0: quantize.py has no fp8 for it. "
            "Fix: 0.10.0 or newer, or int8",
        ),
        (
            "0.8.0",
            {"family": "qwen", "quantization": "fp8"},
            "engine.quantization: qwen in TensorRT-LLM 0.8.0: build.py cannot read the scales of "
            "fp8. Fix: 0.9.0 or newer, or int8",
        ),
        (
            "0.6.1",
            {"quantization": "int4-awq"},
            "engine.quantization: llama in TensorRT-LLM 0.6.1 needs the file that AWQ wrote. Fix: "
            "set engine.quantized_weights to it, or 0.7.0 or newer",
        ),
        (
            "0.5.0",
            {"family": "chatglm2", "dtype": "bfloat16"},
            "engine.dtype: chatglm2-6b/build.py of TensorRT-LLM 0.5.0 has no bfloat16. Fix: "
            "float16 or float32",
        ),
        (
            "0.7.1",
            {"convert_flags": ("--x",)},
            "engine.convert_flags: TensorRT-LLM 0.7.1 converts nothing here; build.py reads the "
            "model itself. Fix: move them to engine.build_flags, or leave them out",
        ),
        (
            "0.16.0",
            {"quantized_weights": "/q.npz"},
            "engine.quantized_weights: only build.py (up to 0.7; qwen up to 0.8) reads such a "
            "file, with fp8 or int4-awq. Fix: leave it out",
        ),
        (
            "0.16.0",
            {"build_flags": ("--tp_size", "2")},
            "engine.build_flags: `--tp_size` is set by clusterkit. Fix: use engine.tp",
        ),
        (
            "0.16.0",
            {"convert_flags": ("--per_chanel",)},
            "engine.convert_flags: `--per_chanel` is no flag of llama/convert_checkpoint.py in "
            "TensorRT-LLM 0.16.0. Fix: did you mean `--per_channel`?",
        ),
    ],
)
def test_what_cannot_be_is_refused(version: str, given: dict[str, Any], message: str) -> None:
    assert refused(version, **given) == message


@pytest.mark.parametrize(
    ("kind", "first", "last_without"),
    [
        ("qwen2", "0.10.0", "0.9.0"),
        ("qwen2_moe", "0.11.0", "0.10.0"),
        ("qwen3", "1.0.0", "0.20.0"),
        ("qwen3_moe", "1.0.0", "0.20.0"),
    ],
)
def test_each_qwen_has_a_first_release(kind: str, first: str, last_without: str) -> None:
    model = folder({"model_type": kind}, "/models/new")

    assert build(first, model).key["family"] == "qwen"
    with pytest.raises(UsageError) as error:
        build(last_without, model)
    assert str(error.value) == (
        f"engine.model: TensorRT-LLM {last_without} builds no {kind}. Fix: {first} or newer"
    )


def test_the_first_qwen_is_there_from_0_6_on() -> None:
    model = folder({"model_type": "qwen", "kv_channels": 128}, "/models/qwen-7b")
    assert build("0.6.0", model).rank_files == (("qwen_float16_tp1_rank0.engine",),)


def test_every_reason_is_told_at_once() -> None:
    message = refused("0.8.0", family="gpt2", pp=2, quantization="fp8", build_flags=("--nope",))
    assert [line.partition(":")[0] for line in message.splitlines()] == [
        "engine.pp",
        "engine.quantization",
        "engine.build_flags",
    ]


def test_the_last_version_with_engines_has_them() -> None:
    assert build("1.3.0rc20").rank_files == (("rank0.engine",),)

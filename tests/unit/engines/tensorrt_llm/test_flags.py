"""Words that users add for the vendor's programs are checked as its parsers would."""

from __future__ import annotations

import pytest
from packaging.version import Version

from clusterkit.engines.tensorrt_llm.flags import check_flags, flag, settings_of, words_of

OURS = {"--tp_size": "engine.tp", "--model_dir": "engine.model"}


def problems(program: str, version: str, *words: str) -> list[str]:
    return check_flags(program, Version(version), words, ours=OURS)


@pytest.mark.parametrize(
    ("program", "version", "words"),
    [
        ("trtllm-build", "0.16.0", "--max_num_tokens 4096 --context_fmha=enable"),
        ("trtllm-build", "0.16.0", "--lora_target_modules attn_q attn_v --fast_build"),
        ("llama/build.py", "0.6.1", "--use_rmsnorm_plugin --rotary_scaling linear 2.0"),
        ("llama/build.py", "0.5.0", "--use_rmsnorm_plugin float16 --use_inflight_batching"),
        ("models/core/llama/convert_checkpoint.py", "1.2.1", "-sq 0.5 --load_model_on_cpu"),
        ("run.py", "0.10.0", "--gpu_weights_percent 0.5"),
        ("run.py", "0.16.0", "--temperature -1.5"),
        ("run.py", "1.3.0rc3", "--stop_words a b"),
        ("trtllm-serve", "1.0.0", "--kv_cache_free_gpu_memory_fraction 0.8"),
        ("qwen/run.py", "0.6.1", "--whatever it takes"),  # nobody read its parser
    ],
)
def test_right_words_pass(program: str, version: str, words: str) -> None:
    assert problems(program, version, *words.split()) == []


@pytest.mark.parametrize(
    ("program", "version", "words", "problem"),
    [
        (
            "trtllm-build",
            "0.16.0",
            "--max_num_token 1",
            "`--max_num_token` is no flag of trtllm-build in TensorRT-LLM 0.16.0. "
            "Fix: did you mean `--max_num_tokens`?",
        ),
        (
            "trtllm-build",
            "1.3.0rc20",
            "--gpus_per_node 1",
            "`--gpus_per_node` is no flag of trtllm-build in TensorRT-LLM 1.3.0rc20. "
            "Fix: leave it out",
        ),
        (
            "trtllm-build",
            "0.9.0",
            "--gemm_plugin auto",
            "`--gemm_plugin` of trtllm-build cannot be `auto`. "
            "Fix: use float16, float32, bfloat16 or disable",
        ),
        (
            "trtllm-build",
            "0.9.0",
            "--remove_input_padding",
            "`--remove_input_padding` of trtllm-build needs a value. "
            "Fix: add a value (enable, disable)",
        ),
        (
            "llama/build.py",
            "0.7.1",
            "--remove_input_padding enable",
            "`--remove_input_padding` of llama/build.py takes no value. Fix: take `enable` away",
        ),
        (
            "llama/build.py",
            "0.7.1",
            "--rotary_scaling linear",
            "`--rotary_scaling` of llama/build.py needs 2 values. Fix: add 2 values",
        ),
        (
            "llama/build.py",
            "0.7.1",
            "--tp_size=2",
            "`--tp_size` is set by clusterkit. Fix: use engine.tp",
        ),
        (
            "chatglm/build.py",
            "0.7.1",
            "-tp 2",
            "`-tp` is set by clusterkit. Fix: use engine.tp",
        ),
        (
            "qwen/run.py",
            "0.6.1",
            "--model_dir /m",
            "`--model_dir` is set by clusterkit. Fix: use engine.model",
        ),
        ("run.py", "0.16.0", "8", "`8` is no flag of run.py. Fix: begin with a flag"),
    ],
)
def test_wrong_words_are_told_with_a_fix(
    program: str, version: str, words: str, problem: str
) -> None:
    assert problems(program, version, *words.split()) == [problem]


@pytest.mark.parametrize(
    ("program", "version", "name", "is_there"),
    [  # between two versions that were read, the text of a release decides
        ("trtllm-build", "0.10.0", "--max_seq_len", False),
        ("trtllm-build", "0.11.0", "--max_seq_len", True),
        ("trtllm-build", "0.11.0", "--max_output_len", True),
        ("trtllm-build", "0.13.0", "--builder_opt", True),
        ("trtllm-build", "0.14.0", "--builder_opt", False),
        ("trtllm-build", "1.1.0", "--gpus_per_node", True),
        ("trtllm-build", "1.2.0", "--gpus_per_node", False),
        ("run.py", "0.8.0", "--gpu_weights_percent", False),
        ("run.py", "0.11.0", "--random_seed", True),
        ("run.py", "0.10.0", "--random_seed", False),
        ("trtllm-build", "0.13.0", "--user_buffer", False),
        ("trtllm-build", "0.20.0", "--fuse_fp4_quant", True),  # nobody tells: accepted
    ],
)
def test_versions_between(program: str, version: str, name: str, is_there: bool) -> None:
    unknown = [one for one in problems(program, version, name, "1") if "is no flag" in one]
    assert (not unknown) == is_there


def test_every_problem_is_told_at_once() -> None:
    words = ("--nonsense", "--tp_size", "2", "--gemm_plugin", "x")
    assert len(problems("trtllm-build", "0.16.0", *words)) == 3


def test_users_replace_what_no_setting_decides() -> None:
    ours = (flag("--gemm_plugin", "float16"), flag("--tp_size", 2, setting="engine.tp"))

    assert words_of(ours) == ("--gemm_plugin", "float16", "--tp_size", "2")
    assert words_of(ours, ("--gemm_plugin=auto",)) == ("--tp_size", "2", "--gemm_plugin=auto")
    assert settings_of(ours) == {"--tp_size": "engine.tp"}

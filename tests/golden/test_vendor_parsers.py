"""The judge of command lines is strict: each kind of mistake is refused, and says which."""

from __future__ import annotations

import pytest
from packaging.version import Version

from tests.golden.vendor_parsers import Refused, judge

BUILD = ("python3", "/x/llama/build.py", "--model_dir", "m")
ENGINE = ("trtllm-build", "--checkpoint_dir", "c")


def verdict(version: str, *argv: str) -> str:
    return judge(Version(version), argv, examples="/x")


def test_lines_that_are_right_name_their_program() -> None:
    assert verdict("0.5.0", *BUILD, "--use_gemm_plugin") == "examples/llama/build.py"
    assert verdict("0.16.0", *ENGINE, "--gemm_plugin", "auto") == "trtllm-build"


@pytest.mark.parametrize(
    ("version", "argv", "why"),
    [
        ("0.16.0", (*ENGINE, "--max_output_len", "8"), "unrecognized arguments"),
        ("0.6.1", (*BUILD, "--gemm_plugin", "float16"), "unrecognized arguments"),
        ("0.14.0", (*ENGINE, "--max_output_len", "8"), "unrecognized arguments"),
        ("0.9.0", (*ENGINE, "--gemm_plugin", "auto"), "invalid choice: 'auto'"),
        ("0.7.1", (*BUILD, "--parallel_build", "yes"), "unrecognized arguments: yes"),
        ("0.9.0", (*ENGINE, "--remove_input_padding"), "expected one argument"),
        ("0.9.0", (*ENGINE, "--max_batch", "1"), "unrecognized arguments"),
        ("0.7.1", ("python3", "/x/chatglm/build.py"), "required: --model_name"),
        ("0.6.1", ("python3", "/x/chatglm/build.py"), "required: --model_name"),
        ("0.12.0", ("python3", "/x/qwen/convert_checkpoint.py"), "required: --model_dir"),
        (
            "0.16.0",
            ("python3", "/x/models/core/qwen/convert_checkpoint.py"),
            "it is examples/qwen",
        ),
        ("0.16.0", ("python3", "/x/falcon/convert_checkpoint.py"), "no program"),
    ],
)
def test_lines_that_are_wrong_are_refused(version: str, argv: tuple[str, ...], why: str) -> None:
    with pytest.raises(Refused) as refused:
        verdict(version, *argv)
    assert why in str(refused.value)

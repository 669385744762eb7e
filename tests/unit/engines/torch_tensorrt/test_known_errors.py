"""Lines that compilers leave in a log, and the first words of what is said about them."""

from __future__ import annotations

import pytest

from clusterkit.engines.torch_tensorrt.known_errors import explain


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        (
            "torch._inductor.exc.InductorError: InvalidCxxCompiler: No working C++ compiler found "
            "in torch._inductor.config.cpp.cxx: (None, 'g++')",
            "inductor found no C++ compiler",
        ),
        ("header.h:6:10: fatal error: Python.h: No such file or directory", "inductor compiles"),
        ("RuntimeError: Failed to find C compiler. Please specify via CC", "inductor's GPU"),
        (
            "ImportError: libnvinfer.so.10: cannot open shared object file: No such file",
            "torch_tensorrt is there, and the TensorRT",
        ),
        ("ModuleNotFoundError: No module named 'tensorrt'", "torch_tensorrt is there, and the"),
        (
            "OSError: libtorchtrt.so: undefined symbol: _ZN3c1017RegisterOperatorsD1Ev",
            "torch_tensorrt was built for another PyTorch",
        ),
        (
            "OSError: libmpi.so.40: cannot open shared object file: No such file or directory",
            "TensorRT-LLM's plugins need libmpi.so",
        ),
        (
            "ERROR: CUDA 13 is not currently supported for TRT-LLM plugins. Please install",
            "TensorRT-LLM's plugins are loaded into a PyTorch for CUDA 12",
        ),
        ("libnccl.so: cannot open shared object file", "TensorRT 10 looks for libnccl.so"),
        ("Cannot auto-select a group — NCCL bind deferred", "TensorRT has no NCCL group"),
        (
            "[rank1]: Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1)",
            "a rank waited for another",
        ),
        ("torch.OutOfMemoryError: CUDA out of memory. Tried", "the GPU's memory was not enough"),
        (
            "CRITICAL: Halting compilation on build failure since pass_through_build_failures was",
            "TensorRT could not build a part",
        ),
    ],
)
def test_known_lines(line: str, begins: str) -> None:
    said = explain(f"before\n{line}\nafter")

    assert said is not None
    assert said.startswith(begins)
    assert ". Fix: " in said


def test_all_else_is_left_to_the_log() -> None:
    assert explain("Traceback (most recent call last):\nValueError: 7") is None

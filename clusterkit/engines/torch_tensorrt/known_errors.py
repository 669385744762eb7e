"""What the compilers' logs say when a rank fails, with the cause and what to do."""

from __future__ import annotations

import re

_KNOWN: tuple[tuple[str, str], ...] = (
    (
        r"InvalidCxxCompiler|No working C\+\+ compiler found",
        "inductor found no C++ compiler on that node. Fix: g++ there, CXX in the environment of "
        "the node, or `backend: eager`",
    ),
    (
        r"Python\.h: No such file",
        "inductor compiles against Python's headers, which that node lacks. Fix: install them "
        "(python3-dev on Debian), or `backend: eager`",
    ),
    (
        r"Failed to find C compiler|Please specify via CC environment variable",
        "inductor's GPU kernels need a C compiler on that node. Fix: gcc there",
    ),
    (
        r"libnvinfer[^\s:]*: cannot open shared object|No module named 'tensorrt'",
        "torch_tensorrt is there, and the TensorRT that it was built for is not. Fix: `pip "
        "install torch-tensorrt` on that node, with its dependencies",
    ),
    (
        r"undefined symbol.*(?:torch|c10)|libtorchtrt[^\s:]*: cannot open shared object",
        "torch_tensorrt was built for another PyTorch. Fix: the two of the same number, such as "
        "2.13 and 2.13",
    ),
    (
        r"libmpi\.so[^\s:]*: cannot open shared object",
        "TensorRT-LLM's plugins need libmpi.so. Fix: Open MPI's libraries where that node's "
        "loader finds them, or collectives: pytorch",
    ),
    (
        r"CUDA 13 is not currently supported for TRT-LLM plugins",
        "TensorRT-LLM's plugins are loaded into a PyTorch for CUDA 12 alone. Fix: PyTorch for "
        "CUDA 12, torch_tensorrt 2.12 or newer, or collectives: auto",
    ),
    (
        r"libnccl\.so: cannot open shared object",
        "TensorRT 10 looks for libnccl.so, and pip's NCCL has libnccl.so.2 alone. Fix: a link "
        "libnccl.so beside it, torch_tensorrt 2.13 or newer, or collectives: pytorch",
    ),
    (
        r"Cannot auto-select a group",
        "TensorRT has no NCCL group: there are several in one process. Fix: dp 1, or "
        "collectives: pytorch",
    ),
    (
        r"Watchdog caught collective operation timeout",
        "a rank waited for another that still compiled, or had failed. Fix: see which rank's log "
        "ends first",
    ),
    (
        r"(?:torch\.OutOfMemoryError|CUDA out of memory|OutOfMemory.*Requested size)",
        "the GPU's memory was not enough: engines hold the weights a second time. Fix: a larger "
        "tp, a smaller batch, or fewer tokens",
    ),
    (
        r"Halting compilation on build failure since",
        "TensorRT could not build a part of the model. Fix: name its operators in "
        "engine.options.torch_executed_ops, or engine.options.pass_through_build_failures: false "
        "to have PyTorch run the part",
    ),
)


def explain(log: str) -> str | None:
    """Cause and fix, where the log has one of the known lines."""
    return next((words for pattern, words in _KNOWN if re.search(pattern, log)), None)

"""Which collectives the engines of a split model have: asked for, prepared, and seen.

TensorRT has its own since torch_tensorrt 2.12. Before, those of TensorRT-LLM's plugins could be
built in. Where there are neither, engines end at each collective, and PyTorch runs it.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from clusterkit.payloads.compiled_nccl import see_one_nccl
from clusterkit.payloads.compiled_packages import installed
from clusterkit.payloads.compiled_plugin import plugin_file
from clusterkit.payloads.generate_events import Failed, Refused

_PATH = "TRTLLM_PLUGINS_PATH"
_DOWNLOAD = "USE_TRTLLM_PLUGINS"


def choose_collectives(request: dict[str, Any]) -> None:
    """Let torch_tensorrt find the ones asked for; before torch is imported.

    Raises:
        Refused: If the ones asked for cannot be had for such a run.
    """
    asked = request["collectives"]
    if request["backend"] != "torch_tensorrt":
        if asked in ("native", "trtllm"):
            raise Refused(
                f"collectives: {asked} is for backend torch_tensorrt, not {request['backend']}. "
                "Fix: `collectives: auto`"
            )
        return
    # A breakpoint() was left in 2.6.0, where it loads the plugins.
    os.environ.setdefault("PYTHONBREAKPOINT", "0")
    why_not = why_no_plugins(request)
    if asked == "trtllm" and why_not:
        raise Refused(f"collectives: trtllm cannot be used: {why_not}")
    if asked in ("native", "pytorch") or why_not:
        hide_plugins()
    elif request["plugins_path"]:
        os.environ[_PATH] = plugin_file(request["plugins_path"])
    if asked in ("auto", "native") and request["tp"] > 1:
        see_one_nccl(installed("torch_tensorrt"), installed("tensorrt"))


def why_no_plugins(request: dict[str, Any]) -> str | None:
    """Why the plugins would give wrong results, or none; None: nothing speaks against them.

    They meet by MPI, and take the ranks of a model to be the first of MPI's world.
    """
    if request["tp"] == 1:
        return "tp is 1, and nothing is split. Fix: `collectives: auto`"
    if request["dp"] > 1:
        return "its plugins serve one replica only. Fix: dp=1, or `collectives: auto`"
    if "OMPI_COMM_WORLD_RANK" not in os.environ:
        return "its plugins meet by MPI. Fix: `--launcher mpirun`, or `collectives: auto`"
    return None


def hide_plugins() -> None:
    """Keep torch_tensorrt from finding the plugins."""
    for name in (_PATH, _DOWNLOAD):
        os.environ.pop(name, None)
    sys.modules["tensorrt_llm"] = None  # type: ignore[assignment]  # importing it fails, then


def active_collectives(request: dict[str, Any]) -> str | None:
    """Import the backend, and say what runs collectives; None: nothing is split.

    Raises:
        Failed: If it is not what was asked for, or the backend cannot be imported.
    """
    if request["backend"] != "torch_tensorrt":
        return "pytorch" if request["tp"] > 1 else None
    import_backend()
    if request["tp"] == 1:
        return None
    found, asked = found_collectives(), request["collectives"]
    if asked not in ("auto", found):
        version = installed("torch_tensorrt") or "of an unknown version"
        raise Failed(
            f"{os.uname().nodename}: collectives: {asked} was asked for, and torch_tensorrt "
            f"{version} has {found}. Fix: {_FIXES[asked]}"
        )
    if found == "native":
        begin_native()
    return found


_FIXES = {
    "native": "torch_tensorrt 2.12 or later with TensorRT 10.16 or later, or `collectives: auto`",
    "trtllm": "see in this rank's log why the plugins were not loaded; they need the TensorRT and "
    "CUDA that they were built for, and libmpi.so; or `collectives: auto`",
    "pytorch": "`collectives: auto`; TensorRT's own cannot be turned off",
}


def import_backend() -> None:
    """Have torch.compile know the backend."""
    try:
        import_module("torch_tensorrt")
    except Exception as error:
        raise Failed(
            f"{os.uname().nodename}: {sys.executable} cannot import torch_tensorrt: "
            f"{type(error).__name__}: {error}. Fix: install torch-tensorrt there with the torch "
            "and TensorRT that it was built for, or `backend: inductor`"
        ) from error


def found_collectives() -> str:
    """What this torch_tensorrt has; each version tells in its own way."""
    features = import_module("torch_tensorrt._features").ENABLED_FEATURES
    if getattr(features, "native_trt_collectives", False):
        return "native"
    if hasattr(features, "trtllm_for_nccl"):
        return "trtllm" if features.trtllm_for_nccl else "pytorch"
    try:  # before 2.10 a converter is registered, or not
        conversion = import_module("torch_tensorrt.dynamo.conversion._ConverterRegistry")
        fused = import_module("torch_tensorrt.dynamo.lowering.passes.fuse_distributed_ops")
    except ImportError:  # before 2.6
        return "pytorch"
    has = fused.tensorrt_fused_nccl_all_gather_op in conversion.DYNAMO_CONVERTERS
    return "trtllm" if has else "pytorch"


def begin_native() -> None:
    """Have a communicator before there is an engine: without one its results are wrong."""
    import torch

    if not torch.cuda.is_available():
        return
    nccl = import_module("torch_tensorrt.distributed._nccl_utils")
    nccl.setup_nccl_for_torch_tensorrt()
    nccl.initialize_nccl_comm()

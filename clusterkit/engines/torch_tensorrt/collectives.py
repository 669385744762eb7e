"""What can run the collectives of tensor parallelism, by version and by what a node has."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.version import Version

from clusterkit.engines.torch_tensorrt.versions import (
    NATIVE_COLLECTIVES,
    NATIVE_NEEDS_TENSORRT,
    PLUGINS_NEED_CUDA_12,
)
from clusterkit.engines.versions import in_words, since
from clusterkit.facts import NodeFacts
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings

_OTHERWISE = "or collectives: auto"


def collective_problems(settings: TorchTensorRtSettings, version: Version) -> Iterator[str]:
    """What this version cannot do, whatever the nodes have."""
    match settings.collectives:
        case "native" if not since(version, NATIVE_COLLECTIVES):
            yield (
                f"engine.collectives: native needs torch_tensorrt {in_words(NATIVE_COLLECTIVES)}, "
                f"and this is {version}. Fix: a newer one, {_OTHERWISE}"
            )
        case "trtllm" if since(version, NATIVE_COLLECTIVES):
            yield (
                f"engine.collectives: torch_tensorrt {version} has collectives of TensorRT's own, "
                "and loads no plugins beside them. Fix: collectives: native"
            )
        case "trtllm" if settings.dp > 1:
            yield (
                f"engine.collectives: TensorRT-LLM's plugins serve one replica, and dp is "
                f"{settings.dp}. Fix: dp 1, {_OTHERWISE}"
            )
        case "pytorch" if since(version, NATIVE_COLLECTIVES):
            yield (
                f"engine.collectives: torch_tensorrt {version} has collectives of TensorRT's own, "
                "which cannot be turned off. Fix: collectives: auto"
            )
        case "trtllm" if settings.plugins_path is None and since(version, PLUGINS_NEED_CUDA_12):
            yield (
                f"engine.collectives: torch_tensorrt {version} finds TensorRT-LLM's plugins by "
                "their path alone. Fix: engine.plugins_path: the library, or a wheel of "
                f"tensorrt_llm, {_OTHERWISE}"
            )


def node_collective_problems(
    settings: TorchTensorRtSettings, version: Version, node: str, facts: NodeFacts
) -> Iterator[str]:
    """What this node lacks for the collectives that are asked for."""
    if settings.collectives == "native":
        yield from _native(node, facts)
    if settings.collectives == "trtllm" and not since(version, NATIVE_COLLECTIVES):
        yield from _plugins(settings, version, node, facts)


def _native(node: str, facts: NodeFacts) -> Iterator[str]:
    tensorrt = facts.packages.get("tensorrt")
    if tensorrt and not since(Version(tensorrt), NATIVE_NEEDS_TENSORRT):
        needed = in_words(NATIVE_NEEDS_TENSORRT)
        yield (
            f"{node}: collectives: native needs TensorRT {needed}, and {tensorrt} is there. "
            f"Fix: a newer one, {_OTHERWISE}"
        )


def _plugins(
    settings: TorchTensorRtSettings, version: Version, node: str, facts: NodeFacts
) -> Iterator[str]:
    if settings.plugins_path is None and "tensorrt_llm" not in facts.packages:
        if not since(version, PLUGINS_NEED_CUDA_12):
            yield (
                f"{node}: collectives: trtllm needs TensorRT-LLM's plugins, and {facts.python} "
                "has no tensorrt_llm. Fix: install it there, or engine.plugins_path: the library, "
                f"or a wheel of it, {_OTHERWISE}"
            )
        return
    if since(version, PLUGINS_NEED_CUDA_12) and (other := _other_cuda(facts)):
        yield (
            f"{node}: torch_tensorrt {version} loads TensorRT-LLM's plugins into a PyTorch for "
            f"CUDA 12 alone, and {other} is there. Fix: PyTorch for CUDA 12, {_OTHERWISE}"
        )


def _other_cuda(facts: NodeFacts) -> str | None:
    """PyTorch's version, where it says that it is for another CUDA; it need not say."""
    torch = facts.packages.get("torch", "")
    build = torch.partition("+")[2]
    return torch if build.startswith("cu") and not build.startswith("cu12") else None

"""Estimate the memory of one rank."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.model.engine import EngineSettings
from clusterkit.model.models import ModelShape

_MIB = 2**20
# Measured with torch 2.13 and transformers 5.20 on Linux: after loading, a CPU rank has 303 to
# 305 MiB of its own over its weights, for any split; the rest is for activations.
_CPU_RUNTIME = 352 * _MIB
# Not measured, an allowance: CUDA context, cuBLAS workspace, NCCL buffers, activations.
_GPU_RUNTIME = 1536 * _MIB
_ELEMENT_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True, slots=True)
class Need:
    """The bytes that the largest rank needs, and what for."""

    weights: int
    kv_cache: int
    runtime: int

    @property
    def bytes(self) -> int:
        """All together."""
        return self.weights + self.kv_cache + self.runtime


def need_of(shape: ModelShape, settings: EngineSettings, *, context: int, on_gpu: bool) -> Need:
    """Estimate the largest rank: the last stage has the layers that were left over.

    The first and the last stage hold the embedding or the output layer as well.
    """
    dtype = settings.dtype
    if dtype == "auto":
        dtype = "bfloat16" if on_gpu else "float32"
    size = _ELEMENT_BYTES[dtype]
    tp, pp = settings.tp, settings.pp
    embedding = shape.vocab * shape.hidden
    in_layers = shape.parameters - embedding * (1 if shape.tied else 2)
    layers = shape.layers - (pp - 1) * (shape.layers // pp)
    ends = 1 if pp > 1 or shape.tied else 2
    parameters = embedding * ends + in_layers * layers // shape.layers
    kv_cache = 2 * layers * shape.kv_heads * shape.head_dim * context
    return Need(
        weights=parameters * size // tp,
        kv_cache=kv_cache * size // tp,
        runtime=_GPU_RUNTIME if on_gpu else _CPU_RUNTIME,
    )

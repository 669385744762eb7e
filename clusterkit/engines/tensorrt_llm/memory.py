"""Estimate what the largest rank of an engine needs on its GPU: each term, and its source.

Weights, activations and the KV cache are the three that the vendor's own page names ("Memory Usage
of TensorRT-LLM", in its documentation): TensorRT fixes the activations when it builds, for the
most tokens that the engine takes at once, and reuses the memory of one block for the next, so one
block counts. Under tensor parallelism each rank has a part of most tensors; under pipeline
parallelism all tensors of a block are whole.

**What pp > 1 adds**, against tp with as many ranks:

- activations that are not split (the factor of tp 1, below);
- KV cache of every micro-batch: the batch manager keeps `max batch size x micro-batches` sequences
  and has as many micro-batches as stages (`mNumMicroBatches`, `CapacityScheduler` in
  trtGptModelInflightBatching.cpp), each as long as allowed. NVIDIA's planner aiconfigurator does
  not divide the KV cache by pp either;
- the tensors at the stage boundary: `hiddenStates` of all tokens, for every micro-batch, and twice
  where context and generation have buffers of their own (`mNumBuffers`, same file);
- :data:`PIPELINE_ALLOWANCE`, an allowance of ours.

A build needs no more than a run: it holds the weights, and no KV cache (the page's FAQ: an engine
can be built that then runs out of memory).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.flags import has_flag, last_value
from clusterkit.engines.tensorrt_llm.versions import MORE_KV_CACHE
from clusterkit.engines.versions import since
from clusterkit.model.models import ModelShape
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.quantities import gib

MIB = 2**20
GIB = 2**30

# Bytes of activations for a token, an element of the hidden size and a byte of its type, by tp:
# aiconfigurator, TRTLLMBackend._get_memory_usage, measured with TensorRT engines.
_ACTIVATIONS = {"llama": (11.0, 6.5, 5.0), "gpt2": (10.0, 6.0, 5.0), "mixtral": (22.0, 13.0, 10.0)}
_LEAST_ACTIVATIONS = 70 * MIB
_POOL_BEFORE, _POOL_SINCE = 0.85, 0.9
# CUDA, cuBLAS and TensorRT: 551 MB, and NCCL's buffers (aiconfigurator, systems/*.yaml, `misc`).
_RUNTIME = 551 * MIB
_NCCL = {1: 0, 2: 342 * MIB}
_NCCL_OF_MORE = 392 * MIB
# Ours. Nobody publishes what else stages cost (a decoder for each micro-batch, channels of NCCL's
# send and receive); aiconfigurator keeps 3.5 GB free beyond what it can compute. With 4 GiB the
# estimate agrees, for every version, with what was seen: Llama 2 70B in float16 ran on two H100
# 80GB with tp 2, and did not fit with pp 2.
PIPELINE_ALLOWANCE = 4 * GIB
# Ours: nvidia-smi counts 81559 MiB on an H100 80GB, of which CUDA gives 79.1 GiB.
KEPT_BY_DRIVER = 512 * MIB

_WEIGHT_BYTES = {"fp8": 1.0, "int8": 1.0, "int4-awq": 0.52}
"""Of a number in a layer; int4-awq has a scale in float16 for 128 of them, and some more."""


@dataclass(frozen=True, slots=True)
class Need:
    """The bytes that the largest rank needs on its GPU, and what for."""

    weights: int
    kv_cache: int
    activations: int
    runtime: int
    stages: int = 0

    @property
    def bytes(self) -> int:
        """All together."""
        return sum(getattr(self, field.name) for field in fields(self))

    def __str__(self) -> str:
        parts = [
            f"weights {gib(self.weights)}",
            f"KV cache {gib(self.kv_cache)}",
            f"activations {gib(self.activations)}",
            *([f"pipeline stages {gib(self.stages)}"] if self.stages else []),
            f"runtime {gib(self.runtime)}",
        ]
        return ", ".join(parts)


def need_of(shape: ModelShape, settings: TensorRtLlmSettings, version: Version) -> Need:
    """Estimate the largest rank, for full batches of the longest prompts and answers."""
    tp, pp = settings.tp, settings.pp
    element = element_bytes(settings)
    tokens = most_tokens(settings)
    boundary = 2 * pp * tokens * shape.hidden * element + PIPELINE_ALLOWANCE
    return Need(
        weights=rank_weights(shape, settings),
        kv_cache=_kv_cache(shape, settings, version),
        activations=_activations(settings, tokens * shape.hidden * element),
        runtime=_RUNTIME + (_NCCL.get(max(tp, pp), _NCCL_OF_MORE)),
        stages=boundary if pp > 1 else 0,
    )


def rank_weights(shape: ModelShape, settings: TensorRtLlmSettings) -> int:
    """The weights of the largest rank, which is also about the size of its engine file.

    The embedding is whole on every rank of the first stage unless it is asked to be split; the
    output layer is split, lies on the last stage and is never shared with the embedding. Neither
    is quantized.
    """
    tp, pp, element = settings.tp, settings.pp, element_bytes(settings)
    table = shape.vocab * shape.hidden
    in_layers = max(0, shape.parameters - table * (1 if shape.tied else 2))
    layers = math.ceil(shape.layers / pp)
    words = (*settings.convert_flags, *settings.build_flags)
    splits_embedding = has_flag(words, "--use_parallel_embedding")
    embedding = table * element // (tp if splits_embedding else 1)
    output = table * element // tp
    ends = max(embedding, output) if pp > 1 else embedding + output
    each = _WEIGHT_BYTES.get(settings.quantization, float(element))
    return int(in_layers * layers / shape.layers * each / tp) + ends


def most_tokens(settings: TensorRtLlmSettings) -> int:
    """The most tokens that the engine takes at once, unless ``--max_num_tokens`` says otherwise.

    From 0.11 on trtllm-build's default is 8192: where a batch is longer this is an upper bound.
    """
    given = last_value(settings.build_flags, "--max_num_tokens") or ""
    if given.isdigit():
        return int(given)
    return settings.max_batch_size * settings.max_input_len


def element_bytes(settings: TensorRtLlmSettings) -> int:
    """Of a number that is not quantized."""
    return 4 if settings.dtype == "float32" else 2


def usable(memory_bytes: int) -> int:
    """What a program can have of a GPU's memory."""
    return memory_bytes - KEPT_BY_DRIVER


def _kv_cache(shape: ModelShape, settings: TensorRtLlmSettings, version: Version) -> int:
    """The pool that must be free for it: the runtime takes only a part of what is free.

    By default that is 0.85 (memory page; Triton's backend says the same), and later 0.9.
    """
    heads = math.ceil(shape.kv_heads / settings.tp)
    layers = math.ceil(shape.layers / settings.pp)
    element = 1 if settings.quantization == "fp8" else element_bytes(settings)
    tokens = settings.max_batch_size * (settings.max_input_len + settings.max_output_len)
    part = _POOL_SINCE if since(version, MORE_KV_CACHE) else _POOL_BEFORE
    each = 2 * layers * heads * shape.head_dim * element
    return int(each * tokens * settings.pp / part)


def _activations(settings: TensorRtLlmSettings, hidden_bytes: int) -> int:
    """One block's, whole under pp and mostly split under tp."""
    alone, of_two, of_more = _ACTIVATIONS.get(settings.family or "llama", _ACTIVATIONS["llama"])
    factor = alone if settings.tp == 1 else of_two if settings.tp < 4 else of_more
    return max(int(hidden_bytes * factor), _LEAST_ACTIVATIONS)

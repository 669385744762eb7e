"""Llama 2 70B, and two H100 80GB in one machine: a case of which is known what runs."""

from __future__ import annotations

from typing import Any

from clusterkit.engines.engine_build import EngineBuild
from clusterkit.facts import Gpu, ModelFolder, NodeFacts
from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.models import ModelShape
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings

GIB = 2**30
LLAMA_70B = ModelShape(
    architecture="LlamaForCausalLM",
    layers=80,
    heads=64,
    kv_heads=8,
    head_dim=128,
    hidden=8192,
    vocab=32_000,
    max_context=4096,
    parameters=68_976_648_192,
    tied=False,
)
LLAMA_70B_FOLDER = ModelFolder(
    folder="/models/llama-2-70b",
    config={
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 8192,
        "num_hidden_layers": 80,
        "num_attention_heads": 64,
        "num_key_value_heads": 8,
        "vocab_size": 32_000,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": False,
        "torch_dtype": "float16",
    },
    files={"model-00001-of-00002.safetensors": 68_976_648_192, "config.json": 614},
    digest="0" * 64,
    parameters=68_976_648_192,
)
BUILD = EngineBuild(name="llama-70b", key={"family": "llama"}, stages=(), rank_files=())


def settings(**changed: Any) -> TensorRtLlmSettings:
    """Those that the case had: batches of 8, prompts of 2048 and answers of 512 tokens."""
    given = {
        "name": "tensorrt-llm",
        "model": "/models/llama-2-70b",
        "family": "llama",
        "max_batch_size": 8,
        "max_input_len": 2048,
        "max_output_len": 512,
    }
    return TensorRtLlmSettings.model_validate(given | changed)


def gpus(count: int, name: str = "NVIDIA H100 80GB HBM3", **changed: Any) -> tuple[Gpu, ...]:
    """The same GPU some times; nvidia-smi counts 81559 MiB on an H100 80GB."""
    given: dict[str, Any] = {"memory_bytes": 81_559 * 2**20, "compute_capability": "9.0"}
    given |= changed
    return tuple(Gpu(index, f"GPU-{index}", name, **given) for index in range(count))


def node(has: tuple[Gpu, ...], memory_bytes: int = 512 * GIB) -> NodeFacts:
    """What was seen of a machine."""
    return NodeFacts("gpu", 32, memory_bytes, memory_bytes, "/usr/bin/python3", "3.10", gpus=has)


def cluster(*slots: int, **changed: Any) -> Cluster:
    """One node for each number, with as many GPUs as slots."""
    nodes = tuple(
        Node(f"node{number}", slots=count, gpus=tuple(range(count)))
        for number, count in enumerate(slots or (2,), 1)
    )
    return Cluster("big", "ssh", nodes, Storage("bind", "/shared"), settings(**changed))

"""Versions of TensorRT-LLM: which one is meant, and where they part ways."""

from __future__ import annotations

from packaging.version import Version

from clusterkit.engines.versions import Release, Software
from clusterkit.errors import UsageError
from clusterkit.facts import NodeFacts
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings

OLDEST = Version("0.5.0")
TENSORRT_LLM = Software(
    name="TensorRT-LLM",
    package="tensorrt_llm",
    oldest=OLDEST,
    oldest_is="the first release",
    example="0.16.0",
)
LAST_WITH_ENGINES = Version("1.3.0rc20")
"""The last release with the TensorRT backend (its release notes, 30 June 2026)."""

ONE_CHATGLM: Release = (0, 6)
"""examples/chatglm for all of them, split by tp; 0.5.0 has chatglm2-6b, for one GPU."""
CHECKPOINTS: Release = (0, 8)
"""From here on convert_checkpoint.py and trtllm-build; before, build.py of each model."""
CHECKPOINTS_OF_GPT_AND_QWEN: Release = (0, 9)
"""examples/gpt and examples/qwen still have build.py in 0.8.0, and nothing else."""
OUTPUT_TIMING_CACHE: Release = (0, 9)
"""trtllm-build --output_timing_cache; in 0.8.0 the cache lies beside the engine anyway."""
GPUS_PER_NODE_IN_CONFIG: Release = (0, 10)
"""The engine's config.json carries gpus_per_node, and every session reads it there."""
GPUS_PER_NODE_FLAG_GONE: Release = (1, 2)
"""trtllm-build has no --gpus_per_node from here on; up to 0.9 no engine keeps its value."""
MAX_SEQ_LEN: Release = (0, 11)
"""trtllm-build --max_seq_len; --max_output_len is gone from 0.12 on (commands/build.py)."""
PLUGINS_FOLLOW_THE_DTYPE: Release = (0, 11)
"""trtllm-build: plugins are `auto` by default; before, float16 (plugin/plugin.py)."""
STRONGLY_TYPED_GONE: Release = (0, 11)
"""trtllm-build has no --strongly_typed from here on (commands/build.py)."""
CUSTOM_ALL_REDUCE_IS_CHOSEN: Release = (0, 12)
"""trtllm-build has no --use_custom_all_reduce from here on; from 0.8 it is on by default."""
FAST_BUILD: Release = (0, 12)
"""trtllm-build --fast_build, which writes rank<N>_managed_weights.safetensors."""
LOCAL_GROUP_MENDED: Release = (0, 16)
"""The all-reduce asks the right ranks which of them share a node (allreducePlugin.cpp)."""
UNEVEN_STAGES: Release = (0, 18)
"""Pipeline stages may have unequal numbers of layers; before, those left over were dropped."""
SERVE: Release = (0, 15)
"""trtllm-serve and trtllm-llmapi-launch (setup.py of 0.15)."""
BACKEND_IS_CHOSEN: Release = (1, 0)
"""trtllm-serve --backend; PyTorch is its default, and supported, from here on (notes of 1.0)."""
MORE_KV_CACHE: Release = (0, 11)
"""run.py's --kv_cache_free_gpu_memory_fraction is 0.9 from here on; before, 0.85 of the rest."""
EXAMPLES_IN_MODELS_CORE: Release = (0, 20)
"""From here on examples/models/core/<model>; before, examples/<model> (notes of 0.19, 0.20)."""


def has_engines(version: Version) -> bool:
    """Whether the version still has the TensorRT backend."""
    plain = Version(version.public.partition(".post")[0].partition(".dev")[0])
    return plain <= LAST_WITH_ENGINES


def parse_version(text: str) -> Version:
    """``0.16.0``, ``1.3.0rc20`` and the like, in their order.

    Raises:
        UsageError: If it is no version, or older than the first one.
    """
    return TENSORRT_LLM.parse(text)


def version_on(settings: TensorRtLlmSettings, node: str, facts: NodeFacts) -> Version:
    """The version that a node has; the one of the inventory where the node was not asked.

    Raises:
        UsageError: If the two differ, or nobody says any.
    """
    if has := TENSORRT_LLM.installed(settings.version, node, facts):
        return has
    if settings.version is None:
        raise UsageError(
            f"{node}: {facts.python} has no tensorrt_llm, and the inventory names no "
            "version. Fix: set `python` to the one that has it, or `engine.version` for --dry-run"
        )
    return parse_version(settings.version)

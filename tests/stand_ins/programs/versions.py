"""Which version this node pretends to have, and what the flags of each version are.

The genuine parsers' flags are on file for six versions (``trtllm_flags.json``). Others are taken
from their neighbour, and changed as the release notes and sources of that version say.
"""

from __future__ import annotations

import copy
import json
import re
from importlib import metadata
from pathlib import Path
from typing import Any

FLAGS = Path(__file__).parents[2] / "golden/trtllm_flags.json"
VERSIONS = (
    "0.5.0", "0.6.1", "0.7.1", "0.8.0", "0.9.0", "0.10.0", "0.11.0", "0.12.0", "0.16.0", "1.1.0",
    "1.2.0", "1.3.0rc3",
)  # fmt: skip
"""Those that can be pretended."""

_SOURCE = {
    "0.6.1": "v0.7.1",
    "0.8.0": "v0.9.0",
    "0.10.0": "v0.9.0",
    "0.11.0": "v0.12.0",
    "1.1.0": "v1.3.0rc3",
    "1.2.0": "v1.3.0rc3",
}
"""Where the flags of a version come from that is not on file."""

Flags = dict[str, dict[str, Any]]


def installed() -> str:
    """The version that is pretended here."""
    return metadata.version("tensorrt_llm")


def release(version: str) -> tuple[int, ...]:
    """To compare versions by: (1, 3, 0) of ``1.3.0rc3``."""
    return tuple(int(part) for part in re.findall(r"\d+", version.partition("rc")[0]))


def programs(version: str) -> dict[str, Flags]:
    """The flags of each program of a version, by its path or name."""
    on_file: dict[str, dict[str, Flags]] = json.loads(FLAGS.read_text())
    found = copy.deepcopy(on_file[_SOURCE.get(version, f"v{version}")])
    for change in _CHANGES.get(version, ()):
        change(found, on_file)
    return found


def _as_in_0_6(found: dict[str, Flags], on_file: dict[str, dict[str, Flags]]) -> None:
    """No short names; no run.py for all models: each has its own."""
    chatglm = found["examples/chatglm/build.py"]
    for name in ("--world_size", "--tp_size", "--pp_size"):
        chatglm[name].pop("aliases")
    chatglm["--output_dir"].pop("default")
    found["examples/llama/build.py"]["--output_dir"]["default"] = "llama_outputs"
    found["examples/llama/build.py"].pop("--load_by_shard", None)
    del found["examples/run.py"], found["trtllm-build"]
    for model in ("llama", "gpt"):
        found[f"examples/{model}/run.py"] = on_file["v0.5.0"][f"examples/{model}/run.py"]
    own = on_file["v0.5.0"]["examples/llama/run.py"]
    kept = {name: own[name] for name in ("--engine_dir", "--log_level", "--input_tokens")}
    found["examples/chatglm/run.py"] = {
        **kept,
        "--model_name": chatglm["--model_name"],
        "--max_output_len": {"default": 1024, "takes_value": True},
        "--beam_width": {"default": 1, "takes_value": True},
        "--input_text": {"default": ["What's new?"], "nargs": "*", "takes_value": True},
        "--tokenizer_dir": {"takes_value": True},
        "--temperature": {"default": 1.0, "takes_value": True},
        "--top_k": {"default": 1, "takes_value": True},
        "--top_p": {"default": 0.0, "takes_value": True},
        "--random_seed": {"default": 1, "takes_value": True},
    }
    found["examples/qwen/run.py"] = {**own, "--max_new_tokens": own["--max_output_len"]}
    del found["examples/qwen/run.py"]["--max_output_len"]


def _as_in_0_8(found: dict[str, Flags], on_file: dict[str, dict[str, Flags]]) -> None:
    """gpt and qwen still have build.py; trtllm-build has no flags of auto parallelism."""
    for model in ("gpt", "qwen"):
        del found[f"examples/{model}/convert_checkpoint.py"]
        found[f"examples/{model}/build.py"] = on_file["v0.7.1"][f"examples/{model}/build.py"]
    for name in (
        "--gpus_per_node", "--auto_parallel", "--cluster_key", "--tp_size", "--pp_size",
        "--opt_num_tokens", "--input_timing_cache", "--output_timing_cache", "--lora_dir",
        "--lora_ckpt_source", "--lora_target_modules", "--max_draft_len", "--max_lora_rank",
    ):  # fmt: skip
        found["trtllm-build"].pop(name, None)
    llama = found["examples/llama/convert_checkpoint.py"]
    llama["--enable_fp8"] = llama["--fp8_kv_cache"] = {"nargs": 0, "takes_value": False}
    for name in ("--output_log_probs_npy", "--output_cum_log_probs_npy", "--early_stopping"):
        found["examples/run.py"].pop(name, None)


def _as_in_0_10(found: dict[str, Flags], on_file: dict[str, dict[str, Flags]]) -> None:
    for name in ("--weight_streaming", "--strip_plan", "--dry_run", "--visualize_network"):
        found["trtllm-build"][name] = {"nargs": 0, "takes_value": False}
    found["examples/run.py"]["--gpu_weights_percent"] = {"default": 1, "takes_value": True}


def _as_in_0_11(found: dict[str, Flags], on_file: dict[str, dict[str, Flags]]) -> None:
    """What 0.12 took away is there still."""
    build = found["trtllm-build"]
    old = on_file["v0.9.0"]["trtllm-build"]
    for name in (
        "--tp_size", "--pp_size", "--use_custom_all_reduce", "--multi_block_mode",
        "--context_fmha_fp32_acc",
    ):  # fmt: skip
        build[name] = old[name]
    build["--max_output_len"] = {"takes_value": True}
    for name in ("--multi_block_mode", "--enable_context_fmha_fp32_acc"):
        found["examples/run.py"].pop(name, None)


def _with_auto_parallel(found: dict[str, Flags], on_file: dict[str, dict[str, Flags]]) -> None:
    """Up to 1.1 the module of automatic parallelism is there, and with it --gpus_per_node."""
    for name in ("--gpus_per_node", "--auto_parallel", "--cluster_key"):
        found["trtllm-build"][name] = on_file["v0.16.0"]["trtllm-build"][name]


_CHANGES = {
    "0.6.1": (_as_in_0_6,),
    "0.8.0": (_as_in_0_8,),
    "0.10.0": (_as_in_0_10,),
    "0.11.0": (_as_in_0_11,),
    "1.1.0": (_with_auto_parallel,),
}

"""What a build writes and run.py reads: rank files and config.json, in each version's schema.

A stand-in's rank file is one line of JSON that says what it was built for, then filler.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.stand_ins.programs.gpus import gpus
from tests.stand_ins.programs.versions import installed, release

_FILLER = b"\0" * (1 << 20)


def write_rank(path: Path, rank: int, world: int) -> None:
    """One rank's engine; it works with this version, on GPUs like those here."""
    says = {
        "stand-in": "no engine of TensorRT",
        "version": installed(),
        "gpu": gpus().architecture,
        "rank": rank,
        "world_size": world,
    }
    path.write_bytes(json.dumps(says).encode() + b"\n" + _FILLER)


def read_rank(path: Path) -> dict[str, Any]:
    """The line of a rank file."""
    with path.open("rb") as file:
        says: dict[str, Any] = json.loads(file.readline())
    return says


def old_config(
    name: str, arguments: Mapping[str, Any], shape: Mapping[str, Any]
) -> dict[str, Any]:
    """config.json as build.py writes it: no version, and nothing of GPUs per node."""
    given = {
        key: arguments[key]
        for key in ("max_batch_size", "max_input_len", "max_output_len", "max_beam_width")
    }
    plugins = (
        "remove_input_padding",
        "paged_kv_cache",
        "tokens_per_block",
        "use_custom_all_reduce",
    )
    return {
        "builder_config": {
            "name": name,
            "precision": arguments["dtype"],
            "tensor_parallel": arguments.get("tp_size") or arguments["world_size"],
            "pipeline_parallel": arguments.get("pp_size") or 1,
            **{
                key: shape[key] for key in ("num_layers", "num_heads", "hidden_size", "vocab_size")
            },
            "num_kv_heads": shape["num_kv_heads"],
            **given,
        },
        "plugin_config": {
            "gpt_attention_plugin": arguments.get("use_gpt_attention_plugin") or False,
            "gemm_plugin": arguments.get("use_gemm_plugin") or False,
            **{key: arguments[key] for key in plugins if key in arguments},
        },
    }


def new_config(
    checkpoint: Mapping[str, Any], arguments: Mapping[str, Any], gpus_per_node: int
) -> dict[str, Any]:
    """config.json as trtllm-build writes it: from 0.10 on its mapping tells GPUs per node."""
    mapping = dict(checkpoint["mapping"])
    mapping.pop("rank", None)
    if release(installed()) >= (0, 10):
        mapping["gpus_per_node"] = gpus_per_node
    if release(installed()) >= (0, 11):
        mapping |= {"moe_tp_size": mapping["tp_size"], "moe_ep_size": 1}
    if release(installed()) >= (0, 12):
        mapping["cp_size"] = 1
    build = {name: arguments.get(name) for name in ("max_batch_size", "max_input_len")}
    longest = "max_seq_len" if "max_seq_len" in arguments else "max_output_len"
    build[longest] = arguments.get(longest)
    plugins = ("gemm_plugin", "gpt_attention_plugin", "use_custom_all_reduce", "paged_kv_cache")
    build["plugin_config"] = {name: arguments[name] for name in plugins if name in arguments}
    if release(installed()) < (1, 2) and "gpus_per_node" in arguments:
        build["auto_parallel_config"] = {"gpus_per_node": gpus_per_node}
    return {
        "version": installed(),
        "pretrained_config": {**checkpoint, "mapping": mapping},
        "build_config": build,
    }


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=4))

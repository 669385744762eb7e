"""Folders of models with the genuine numbers in config.json, and weights of next to nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_CHATGLM2 = {
    "_name_or_path": "THUDM/chatglm2-6b",
    "model_type": "chatglm",
    "architectures": ["ChatGLMModel"],
    "ffn_hidden_size": 13696,
    "hidden_size": 4096,
    "kv_channels": 128,
    "multi_query_attention": True,
    "multi_query_group_num": 2,
    "num_attention_heads": 32,
    "num_layers": 28,
    "padded_vocab_size": 65024,
    "seq_length": 32768,
    "torch_dtype": "float16",
}
_LLAMA_70B = {
    "_name_or_path": "meta-llama/Llama-2-70b-hf",
    "model_type": "llama",
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 8192,
    "intermediate_size": 28672,
    "max_position_embeddings": 4096,
    "num_attention_heads": 64,
    "num_hidden_layers": 80,
    "num_key_value_heads": 8,
    "vocab_size": 32000,
    "torch_dtype": "float16",
}

_GPT2 = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "n_embd": 768,
    "n_head": 12,
    "n_layer": 12,
    "n_positions": 1024,
    "vocab_size": 50257,
}
_QWEN = {
    "model_type": "qwen",
    "architectures": ["QWenLMHeadModel"],
    "hidden_size": 4096,
    "intermediate_size": 22016,
    "kv_channels": 128,
    "max_position_embeddings": 8192,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "seq_length": 2048,
    "vocab_size": 151936,
}
_MIXTRAL = {
    "model_type": "mixtral",
    "architectures": ["MixtralForCausalLM"],
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 32768,
    "num_attention_heads": 32,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "num_local_experts": 8,
    "vocab_size": 32000,
}


def glm_folder(folder: Path) -> Path:
    """chatglm2-6b."""
    return _folder(folder, _CHATGLM2)


def llama_70b_folder(folder: Path, *, layers: int = 80) -> Path:
    """Llama-2-70b, or one with more or fewer layers."""
    return _folder(folder, {**_LLAMA_70B, "num_hidden_layers": layers})


def family_folder(folder: Path, family: str) -> Path:
    """Of a family by its name: one of its usual models."""
    configs = {
        "chatglm2": _CHATGLM2,
        "gpt2": _GPT2,
        "llama": _LLAMA_70B,
        "mixtral": _MIXTRAL,
        "qwen": _QWEN,
    }
    return _folder(folder, configs[family])


def _folder(folder: Path, config: dict[str, Any]) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "stand-in"}')
    (folder / "tokenizer.model").write_bytes(b"words of a stand-in")
    header = json.dumps({"w": {"dtype": "F16", "shape": [64], "data_offsets": [0, 128]}}).encode()
    weights = len(header).to_bytes(8, "little") + header + b"\0" * 128
    (folder / "model.safetensors").write_bytes(weights)
    return folder

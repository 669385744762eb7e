"""Uses a module that it forgot to import, as 2.6 does."""

from __future__ import annotations

from llama3_model import ModelArgs, heads_of
from tensor_parallel_initialize_dist import initialize_distributed_env

mesh, _world_size, _rank, logger = initialize_distributed_env("./tensor_parallel_llama3")
logger.info("%d heads", heads_of(ModelArgs(n_heads=8, n_kv_heads=8), _world_size))
torch_tensorrt.runtime.set_multi_device_safe_mode(True)  # noqa: F821 - that is the point

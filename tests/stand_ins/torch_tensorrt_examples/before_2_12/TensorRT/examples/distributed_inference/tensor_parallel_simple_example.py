"""Says what it does in a file only, and wants an even number of ranks."""

from __future__ import annotations

import torch
import torch.distributed as dist
from tensor_parallel_initialize_dist import initialize_distributed_env, leave

mesh, _world_size, _rank, logger = initialize_distributed_env("./tensor_parallel_simple_example")
logger.info("rank %d is here", _rank)
assert _world_size % 2 == 0, f"an even number of ranks, not {_world_size}"
total = torch.tensor([float(_rank + 1)])
dist.all_reduce(total)
logger.info("sum %g", total.item())
leave()

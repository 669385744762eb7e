"""Works on one node by mpirun and by torchrun."""

from __future__ import annotations

import logging

import torch
import torch.distributed as dist
from tensor_parallel_initialize_dist import initialize_distributed_env, leave

mesh, world_size, rank = initialize_distributed_env("tensor_parallel_simple_example")
if world_size % 2 != 0:
    raise ValueError(f"an even number of ranks, not {world_size}")
total = torch.tensor([float(rank + 1)])
dist.all_reduce(total)
logging.getLogger(__name__).info("sum %g", total.item())
leave()

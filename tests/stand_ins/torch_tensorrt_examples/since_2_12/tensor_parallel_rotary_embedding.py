"""Right with one rank; with two, shapes do not fit."""

from __future__ import annotations

import torch
from rotary_embedding import RotaryAttention, parallel_rotary_block
from tensor_parallel_initialize_dist import initialize_distributed_env, leave

mesh, world_size, rank = initialize_distributed_env("tensor_parallel_rotary_embedding")
model = RotaryAttention(16)
parallel_rotary_block(model, mesh)
with torch.no_grad():
    print("shape", tuple(model(torch.ones(4, 16)).shape))
leave()

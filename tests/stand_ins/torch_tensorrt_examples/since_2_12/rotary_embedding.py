"""Rotary frequencies as the vendor's module makes them, and the split that forgets them."""

from __future__ import annotations

import torch
from torch import nn
from torch.distributed.tensor import Shard
from torch.distributed.tensor.parallel import (
    ColwiseParallel,
    RowwiseParallel,
    parallelize_module,
)


def parallel_rotary_block(block, mesh):
    if mesh.size() > 1:
        block.n_parallel = 1
        plan = {"q": ColwiseParallel(), "out": RowwiseParallel(output_layouts=Shard(0))}
        parallelize_module(block, mesh, plan)


class RotaryAttention(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.width, self.n_parallel = width, 1
        self.q, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x):
        angles = torch.arange(self.width // self.n_parallel // 2).float()
        turned = torch.view_as_complex(self.q(x).unflatten(-1, (-1, 2))) * torch.polar(
            torch.ones_like(angles), angles
        )
        return self.out(torch.view_as_real(turned).flatten(-2))

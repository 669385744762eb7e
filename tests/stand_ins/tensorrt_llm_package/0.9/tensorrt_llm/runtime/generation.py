"""Stands in for runtime/generation.py of 0.8 and 0.9: the session takes its device."""

from __future__ import annotations

import torch


class GenerationSession:
    def __init__(self, engine, mapping, rank):
        self.engine = engine
        self.mapping = mapping
        local_rank = rank % mapping.gpus_per_node
        torch.cuda.set_device(local_rank)
        self.device = local_rank

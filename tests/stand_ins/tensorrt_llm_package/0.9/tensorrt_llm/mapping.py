"""Stands in for mapping.py of 0.8 and 0.9: a node has 8 GPUs, unless the caller says."""

from __future__ import annotations


class Mapping:
    def __init__(self, world_size=1, rank=0, gpus_per_node=8, tp_size=1, pp_size=1):
        if tp_size * pp_size != world_size:
            raise AssertionError("world_size must be tp_size * pp_size")
        self.world_size = world_size
        self.rank = rank
        self.gpus_per_node = gpus_per_node
        self.tp_size = tp_size
        self.pp_size = pp_size

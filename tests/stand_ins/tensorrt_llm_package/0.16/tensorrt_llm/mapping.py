"""Stands in for mapping.py of 0.11 to 0.17: the number may come from config.json."""

from __future__ import annotations


class Mapping:
    def __init__(
        self, world_size=1, rank=0, gpus_per_node=8, *, cp_size=1, tp_size=1, pp_size=1, **other
    ):
        if tp_size * pp_size * cp_size != world_size:
            raise ValueError("world_size must be tp_size * pp_size * cp_size")
        self.world_size = world_size
        self.rank = rank
        self.gpus_per_node = gpus_per_node
        self.cp_size = cp_size
        self.tp_size = tp_size
        self.pp_size = pp_size
        self.other = other
        self.node_rank = rank // gpus_per_node
        self.local_rank = rank % gpus_per_node

    @classmethod
    def from_dict(cls, mapping):
        return cls(**mapping)

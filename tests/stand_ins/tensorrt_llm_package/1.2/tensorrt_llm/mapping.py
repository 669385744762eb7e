"""Stands in for mapping.py of 1.x: the default is written twice, base and class."""

from __future__ import annotations


class MappingBase:
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

    @property
    def node_rank(self):
        return self.rank // self.gpus_per_node

    @property
    def local_rank(self):
        return self.rank % self.gpus_per_node

    @classmethod
    def from_dict(cls, mapping):
        return cls(**mapping)


class Mapping(MappingBase):
    def __new__(cls, *args, **kwargs):
        return super().__new__(MpiTopology)

    def __init__(
        self, world_size=1, rank=0, gpus_per_node=8, *, cp_size=1, tp_size=1, pp_size=1, **other
    ):
        super().__init__(
            world_size=world_size,
            rank=rank,
            gpus_per_node=gpus_per_node,
            cp_size=cp_size,
            tp_size=tp_size,
            pp_size=pp_size,
            **other,
        )


class MpiTopology(Mapping):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)

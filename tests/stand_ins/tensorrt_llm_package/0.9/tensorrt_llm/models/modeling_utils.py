"""Stands in for models/modeling_utils.py of 0.8 and 0.9: reads the parallel sizes alone."""

from __future__ import annotations

from tensorrt_llm.mapping import Mapping


class PretrainedConfig:
    def __init__(self, mapping):
        self.mapping = mapping

    @classmethod
    def from_dict(cls, config, rank):
        described = config["mapping"]
        mapping = Mapping(
            world_size=described["world_size"],
            rank=rank,
            tp_size=described["tp_size"],
            pp_size=described["pp_size"],
        )
        return cls(mapping)

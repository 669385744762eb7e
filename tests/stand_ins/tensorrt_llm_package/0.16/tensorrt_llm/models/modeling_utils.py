"""Stands in for models/modeling_utils.py of 0.11 to 0.17: takes the mapping whole."""

from __future__ import annotations

from tensorrt_llm.mapping import Mapping


class PretrainedConfig:
    def __init__(self, mapping):
        self.mapping = mapping

    @classmethod
    def from_dict(cls, config, rank):
        described = config["mapping"]
        mapping = Mapping.from_dict({**described, "rank": rank})
        return cls(mapping)

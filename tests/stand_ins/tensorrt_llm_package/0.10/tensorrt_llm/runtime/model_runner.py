"""Stands in for runtime/model_runner.py of 0.10: config.json has the number."""

from __future__ import annotations

import json
from pathlib import Path

import stand_in_machine as machine
import torch

import tensorrt_llm
from tensorrt_llm.models.modeling_utils import PretrainedConfig
from tensorrt_llm.runtime.generation import GenerationSession


class ModelRunner:
    def __init__(self, session):
        self.session = session
        self.device = session.device

    @classmethod
    def from_dir(cls, engine_dir, rank=0, **options):
        folder = Path(engine_dir)
        config = json.loads((folder / "config.json").read_text())
        pretrained_config = PretrainedConfig.from_dict(config["pretrained_config"], rank)
        runtime_mapping = pretrained_config.mapping
        world_size, runs = runtime_mapping.world_size, tensorrt_llm.mpi_world_size()
        if world_size != runs:
            raise AssertionError(
                f"Engine world size ({world_size}) != Runtime world size ({runs})"
            )
        if machine.size() > runtime_mapping.gpus_per_node:
            assert machine.local_size() == runtime_mapping.gpus_per_node
        torch.cuda.set_device(rank % runtime_mapping.gpus_per_node)
        engine = (folder / f"rank{rank}.engine").read_bytes()
        return cls(GenerationSession(engine, runtime_mapping, rank))

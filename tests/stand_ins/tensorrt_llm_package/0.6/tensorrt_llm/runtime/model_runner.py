"""Stands in for runtime/model_runner.py of 0.5 and 0.6: nothing tells it the number."""

from __future__ import annotations

import json
from pathlib import Path

import torch

import tensorrt_llm
from tensorrt_llm.runtime.generation import GenerationSession


class ModelRunner:
    def __init__(self, session):
        self.session = session
        self.device = session.device

    @classmethod
    def from_dir(cls, engine_dir, rank=0, **options):
        folder = Path(engine_dir)
        config = json.loads((folder / "config.json").read_text())["builder_config"]
        tp_size = config["tensor_parallel"]
        pp_size = config.get("pipeline_parallel", 1)
        world_size = tp_size * pp_size
        runs = tensorrt_llm.mpi_world_size()
        if world_size != runs:
            raise AssertionError(
                f"Engine world size ({world_size}) != Runtime world size ({runs})"
            )
        runtime_mapping = tensorrt_llm.Mapping(
            world_size=world_size, rank=rank, tp_size=tp_size, pp_size=pp_size
        )
        torch.cuda.set_device(rank % runtime_mapping.gpus_per_node)
        stage = f"_pp{pp_size}" if pp_size > 1 else ""
        name = f"{config['name']}_{config['precision']}_tp{tp_size}{stage}_rank{rank}.engine"
        engine = (folder / name).read_bytes()
        return cls(GenerationSession(engine, runtime_mapping, rank))

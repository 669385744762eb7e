"""Stands in for runtime/model_runner_cpp.py of 0.8 and 0.9: C++'s default holds."""

from __future__ import annotations

import json
from pathlib import Path

from tensorrt_llm.bindings import GptSession, WorldConfig


class ModelRunnerCpp:
    def __init__(self, session):
        self.session = session
        self.device = session.device

    @classmethod
    def from_dir(cls, engine_dir, rank=0, **options):
        folder = Path(engine_dir)
        config = json.loads((folder / "config.json").read_text())
        tp_size = config["pretrained_config"]["mapping"]["tp_size"]
        pp_size = config["pretrained_config"]["mapping"]["pp_size"]
        world_config = WorldConfig.mpi(tensor_parallelism=tp_size, pipeline_parallelism=pp_size)
        if rank != world_config.rank:
            raise AssertionError("rank is not MPI's")
        name = f"rank{rank}.engine"
        return cls(GptSession((folder / name).read_bytes(), world_config))

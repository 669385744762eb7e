"""Stands in for runtime/model_runner_cpp.py of 0.7: C++'s default holds."""

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
        config = json.loads((folder / "config.json").read_text())["builder_config"]
        tp_size = config["tensor_parallel"]
        pp_size = config.get("pipeline_parallel", 1)
        world_config = WorldConfig.mpi(tensor_parallelism=tp_size, pipeline_parallelism=pp_size)
        if rank != world_config.rank:
            raise AssertionError("rank is not MPI's")
        stage = f"_pp{pp_size}" if pp_size > 1 else ""
        name = f"{config['name']}_{config['precision']}_tp{tp_size}{stage}_rank{rank}.engine"
        return cls(GptSession((folder / name).read_bytes(), world_config))

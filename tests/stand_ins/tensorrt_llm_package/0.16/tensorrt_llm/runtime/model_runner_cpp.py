"""Stands in for runtime/model_runner_cpp.py of 0.11 to 0.17: config.json has the number."""

from __future__ import annotations

from pathlib import Path

from tensorrt_llm.bindings import Executor, GptJsonConfig, WorldConfig


class ModelRunnerCpp:
    def __init__(self, executor, world_config):
        self.executor = executor
        self.world_config = world_config
        self.device = executor.device

    @classmethod
    def from_dir(cls, engine_dir, rank=0, **options):
        json_config = GptJsonConfig.parse_file(Path(engine_dir) / "config.json")
        world_config = WorldConfig.mpi(
            tensor_parallelism=json_config.tensor_parallelism,
            pipeline_parallelism=json_config.pipeline_parallelism,
            gpus_per_node=json_config.gpus_per_node,
        )
        if rank != world_config.rank:
            raise AssertionError("rank is not MPI's")
        return cls(Executor(engine_dir), world_config)

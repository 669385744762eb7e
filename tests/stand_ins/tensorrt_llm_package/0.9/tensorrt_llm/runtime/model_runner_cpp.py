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
        tp_size, pp_size = _sizes(config)
        name = _file_of(config, tp_size, pp_size, rank)
        world_config = WorldConfig.mpi(tensor_parallelism=tp_size, pipeline_parallelism=pp_size)
        if rank != world_config.rank:
            raise AssertionError("rank is not MPI's")
        return cls(GptSession((folder / name).read_bytes(), world_config))


def _sizes(config):
    if "builder_config" in config:  # of a build.py, as gpt and qwen have them in 0.8
        return config["builder_config"]["tensor_parallel"], config["builder_config"][
            "pipeline_parallel"
        ]
    mapping = config["pretrained_config"]["mapping"]
    return mapping["tp_size"], mapping["pp_size"]


def _file_of(config, tp_size, pp_size, rank):
    if "builder_config" not in config:
        return f"rank{rank}.engine"
    old, stage = config["builder_config"], f"_pp{pp_size}" if pp_size > 1 else ""
    return f"{old['name']}_{old['precision']}_tp{tp_size}{stage}_rank{rank}.engine"

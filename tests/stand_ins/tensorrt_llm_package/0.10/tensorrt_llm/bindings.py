"""Stands in for the C++ bindings of 0.10: both read and check config.json."""

from __future__ import annotations

import json
from pathlib import Path

import stand_in_machine as machine


class GptJsonConfig:
    def __init__(self, tensor_parallelism, pipeline_parallelism, gpus_per_node):
        self.tensor_parallelism = tensor_parallelism
        self.pipeline_parallelism = pipeline_parallelism
        self.gpus_per_node = gpus_per_node

    @staticmethod
    def parse_file(path):
        mapping = json.loads(Path(path).read_text())["pretrained_config"]["mapping"]
        return GptJsonConfig(
            mapping["tp_size"], mapping["pp_size"], mapping.get("gpus_per_node", 8)
        )


class WorldConfig:
    def __init__(self, rank, gpus_per_node):
        self.rank = rank
        self.gpus_per_node = gpus_per_node

    @property
    def device(self):
        return self.rank % self.gpus_per_node

    @staticmethod
    def mpi(gpus_per_node=8, tensor_parallelism=None, pipeline_parallelism=None, device_ids=None):
        size, gpus = machine.size(), gpus_per_node
        pp = pipeline_parallelism or 1
        tp = tensor_parallelism or size // pp
        if size != tp * pp:
            raise RuntimeError("[TensorRT-LLM][ERROR] Assertion failed: mpiSize == tp * pp")
        if not (size <= gpus or machine.local_size() == gpus):
            raise RuntimeError(
                "[TensorRT-LLM][ERROR] Assertion failed: mpiSize <= gpusPerNode || "
                "LOCAL_COMM_SESSION.getSize() == gpusPerNode"
            )
        return WorldConfig(machine.rank(), gpus)


class Executor:
    def __init__(self, engine_dir):
        config = GptJsonConfig.parse_file(Path(engine_dir) / "config.json")
        world = WorldConfig.mpi(
            config.gpus_per_node, config.tensor_parallelism, config.pipeline_parallelism
        )
        self.engine = (Path(engine_dir) / f"rank{world.rank}.engine").read_bytes()
        if not machine.take(world.device):
            raise RuntimeError(
                "[TensorRT-LLM][ERROR] CUDA runtime error in cudaSetDevice(device): invalid "
                "device ordinal"
            )
        self.device = world.device

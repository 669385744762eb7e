"""Stands in for the C++ bindings of 0.8 and 0.9: `WorldConfig.mpi` and the session's device."""

from __future__ import annotations

import stand_in_machine as machine


class WorldConfig:
    def __init__(self, tensor_parallelism, pipeline_parallelism, rank, gpus_per_node):
        self.tensor_parallelism = tensor_parallelism
        self.pipeline_parallelism = pipeline_parallelism
        self.rank = rank
        self.gpus_per_node = gpus_per_node

    @property
    def device(self):
        return self.rank % self.gpus_per_node

    @staticmethod
    def mpi(gpus_per_node=8, tensor_parallelism=None, pipeline_parallelism=None, device_ids=None):
        pp = pipeline_parallelism or 1
        tp = tensor_parallelism or machine.size() // pp
        if machine.size() != tp * pp:
            raise RuntimeError("[TensorRT-LLM][ERROR] Assertion failed: mpiSize == tp * pp")
        return WorldConfig(tp, pp, machine.rank(), gpus_per_node)


class GptSession:
    def __init__(self, engine, world_config):
        if not machine.take(world_config.device):
            raise RuntimeError(
                "[TensorRT-LLM][ERROR] CUDA runtime error in cudaSetDevice(device): invalid "
                "device ordinal (/app/tensorrt_llm/cpp/tensorrt_llm/runtime/utils/"
                "sessionUtils.cpp:34)"
            )
        self.engine = engine
        self.device = world_config.device

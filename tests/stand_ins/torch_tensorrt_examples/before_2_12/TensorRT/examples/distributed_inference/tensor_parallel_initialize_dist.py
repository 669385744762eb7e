"""Joins ranks as the examples of Torch-TensorRT 2.6 to 2.11 do: on one node only, over gloo here.

The local rank is taken for the rank, and rank 0 is looked for on the own node.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import timedelta
from pathlib import Path

import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

PORT = 29500


def plugin_of_repository() -> str:
    for folder in Path(__file__).resolve().parents:
        if (folder / "MODULE.bazel").is_file():
            return f"{folder}/lib/libnvinfer_plugin_tensorrt_llm.so"
    raise RuntimeError("Could not find repo root")


def initialize_distributed_env(name: str, size: int = 1):
    local_rank = int(os.environ.get("OMPI_COMM_WORLD_LOCAL_RANK", 0))
    size = int(os.environ.get("OMPI_COMM_WORLD_SIZE", size))
    os.environ["RANK"] = str(local_rank)
    os.environ["WORLD_SIZE"] = str(size)
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    os.environ["MASTER_PORT"] = str(PORT)
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    os.environ["TRTLLM_PLUGINS_PATH"] = plugin_of_repository()
    dist.init_process_group("gloo", timeout=timedelta(seconds=8))
    mesh = init_device_mesh("cpu", (size,))
    rank = mesh.get_rank()
    assert rank == local_rank
    logger = logging.getLogger()
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.FileHandler(name + f"_{rank}.log", mode="w"))
    return mesh, size, rank, logger


def leave():
    """Ends a rank: threads of gloo that outlive a script's last line may abort its process."""
    dist.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

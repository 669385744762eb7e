"""Joins ranks as the examples of Torch-TensorRT 2.12 and later do, over gloo here.

The launcher's variables are respected, and yet a rank must be its local rank.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import timedelta

import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh


def initialize_distributed_env(name: str, size: int = 1):
    own = os.environ.get("LOCAL_RANK", 0)
    local_rank = int(os.environ.get("OMPI_COMM_WORLD_LOCAL_RANK", own))
    size = int(os.environ.get("OMPI_COMM_WORLD_SIZE", os.environ.get("WORLD_SIZE", size)))
    if "RANK" not in os.environ:
        os.environ["RANK"] = str(local_rank)
    if "MASTER_ADDR" not in os.environ:
        os.environ["MASTER_ADDR"] = "127.0.0.1"
    dist.init_process_group("gloo", timeout=timedelta(seconds=20))
    mesh = init_device_mesh("cpu", (size,))
    rank = mesh.get_rank()
    assert rank == local_rank
    logging.basicConfig(level=logging.INFO, format=f"[Rank {rank}] %(levelname)s: %(message)s")
    return mesh, size, rank


def rank_of_mpirun() -> int:
    """Asks Open MPI alone, as some functions there still do."""
    return int(os.environ.get("OMPI_COMM_WORLD_LOCAL_RANK", 0))


def leave():
    """Ends a rank: threads of gloo that outlive a script's last line may abort its process."""
    dist.destroy_process_group()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)

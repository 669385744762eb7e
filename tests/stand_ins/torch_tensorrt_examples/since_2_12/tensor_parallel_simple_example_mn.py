"""Works on several nodes: it takes its place from the launcher. Over gloo here."""

from __future__ import annotations

import argparse
import datetime
import os

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh

local_rank = int(os.environ.get("LOCAL_RANK", 0))
dist.init_process_group(backend="gloo", timeout=datetime.timedelta(hours=2))
rank, world_size = dist.get_rank(), dist.get_world_size()

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--mode", choices=["jit_python", "jit_cpp"], default="jit_python")
    parser.add_argument("--save-path", default="/tmp/tp_model.ep")  # noqa: S108 - as theirs
    mode = parser.parse_args().mode
    assert world_size % 2 == 0, f"an even number of ranks, not {world_size}"
    group = init_device_mesh("cpu", (world_size,)).get_group()
    total = torch.tensor([float(rank + 1)])
    dist.all_reduce(total, group=group)
    print(f"rank {rank} of {world_size}, local rank {local_rank}, {mode}: sum {total.item():g}")
    dist.destroy_process_group()
    print("Done!", flush=True)
    os._exit(0)

"""Add up numbers of all GPUs with NCCL: check the sum, measure it, and keep NCCL's words."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

BYTES = 256 << 20
ROUNDS = 10
_WARM_UP = 3
_LOG = "nccl.log"
_LINES_AT_MOST = 200


def main() -> None:
    """Send one answer; exit 1 where the sum is wrong."""
    os.environ.setdefault("NCCL_DEBUG", "INFO")
    os.environ.setdefault("NCCL_DEBUG_SUBSYS", "INIT,NET,GRAPH,P2P")
    log = Path(os.environ.setdefault("NCCL_DEBUG_FILE", f"{_LOG}.{os.environ['RANK']}"))
    import torch
    import torch.distributed as dist

    dist.init_process_group("nccl")
    device = torch.device("cuda", int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    torch.cuda.set_device(device)
    rank, size = dist.get_rank(), dist.get_world_size()
    numbers = torch.empty(BYTES // 4, dtype=torch.float32, device=device)

    def rounds(count: int) -> float:
        torch.cuda.synchronize()
        began = time.monotonic()
        for _ in range(count):
            dist.all_reduce(numbers)
        torch.cuda.synchronize()
        return (time.monotonic() - began) / count

    numbers.zero_()
    rounds(_WARM_UP)  # the first ones make connections
    took_s = rounds(ROUNDS)
    numbers.fill_(rank + 1)
    dist.all_reduce(numbers)
    expected = size * (size + 1) / 2
    right = bool((numbers == expected).all())
    dist.destroy_process_group()
    answer = {
        "rank": rank,
        "size": size,
        "device": torch.cuda.get_device_name(device),
        "bytes": BYTES,
        "took_s": took_s,
        # As nccl-tests count it: each byte crosses the bus 2 (n - 1) / n times.
        "bus_bytes_per_s": BYTES / took_s * 2 * (size - 1) / size,
        "is_right": right,
        "lines": telling_lines(log.read_text(errors="replace") if log.exists() else ""),
    }
    with os.fdopen(int(os.environ["CLUSTERKIT_EVENTS_FD"]), "w") as events:
        print(json.dumps(answer), file=events)
    if not right:
        sys.exit(f"the sum of {size} GPUs is not {expected}")


def telling_lines(text: str) -> list[str]:
    """The lines that say which network NCCL opened and what its channels go through."""
    said = (line.strip() for line in text.splitlines())
    words = ("NET/", "Using network", " via ", "NCCL version", "WARN")
    return [line for line in said if any(word in line for word in words)][:_LINES_AT_MOST]


if __name__ == "__main__":
    main()

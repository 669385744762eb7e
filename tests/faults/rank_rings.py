"""Ranks that need each other: every one waits for all, again and again."""

from __future__ import annotations

import time

from mpi4py import MPI

rank = MPI.COMM_WORLD.Get_rank()
print(f"rank {rank} waits", flush=True)
while True:
    MPI.COMM_WORLD.Barrier()
    print("all are here", flush=True)
    time.sleep(0.5)

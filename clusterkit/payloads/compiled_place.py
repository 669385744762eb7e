"""Replicas: each is a world of its own, and all of them share one store.

torch-tensorrt takes the world's size for the number of ranks that share a model when it builds
collectives into an engine, so a replica must be the whole world of its ranks. Replicas have
nothing to say to each other but a seed and that they are done, for which the store is enough.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from clusterkit.payloads.generate_events import JOB_RANK, rank
from clusterkit.payloads.generate_model import device_of_rank

# Ranks wait for each other's compilations, which take minutes to hours for large models.
_TOGETHER = timedelta(hours=2)
# Replicas wait for each other's prompts. The launcher ends all where one fails.
_ALL_DONE = timedelta(days=7)


@dataclass(frozen=True)
class Replica:
    """This rank's replica, of ``size`` ranks, and its place in it; ``store``: None where alone."""

    number: int
    place: int
    size: int
    ranks: int
    store: Any

    @property
    def is_first(self) -> bool:
        """Whether this rank speaks for the replica."""
        return self.place == 0


def join_replica(request: dict[str, Any]) -> Replica:
    """Meet the other ranks, and be one world with those of the same replica."""
    import torch

    size, ranks = request["tp"], request["tp"] * request["dp"]
    number, place = divmod(rank(), size)
    device = torch.device(device_of_rank())
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if ranks == 1:
        return Replica(number, place, size, ranks, None)
    found = torch.distributed.rendezvous("env://", timeout=_TOGETHER)
    store, _, _ = next(iter(found))
    if size > 1:
        os.environ[JOB_RANK] = str(rank())
        os.environ.update(RANK=str(place), WORLD_SIZE=str(size))
        torch.distributed.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=torch.distributed.PrefixStore(f"replica{number}", store),
            rank=place,
            world_size=size,
            timeout=_TOGETHER,
            device_id=device if device.type == "cuda" else None,
        )
    return Replica(number, place, size, ranks, store)


def common_seed(replica: Replica, seed: int | None) -> int:
    """The seed that all ranks draw from: the one asked for, or one that rank 0 chooses."""
    chosen = seed if seed is not None else secrets.randbits(31)
    if replica.store is None or seed is not None:
        return chosen
    if rank() == 0:
        replica.store.set("seed", str(chosen))
    return int(replica.store.get("seed"))


def leave_replica(replica: Replica) -> None:
    """Part from the replica; rank 0, which may keep the store, leaves when all have done so."""
    import torch

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    if replica.store is None:
        return
    if rank() != 0:
        replica.store.set(f"left{rank()}", "")
    elif replica.ranks > 1:
        replica.store.wait([f"left{other}" for other in range(1, replica.ranks)], _ALL_DONE)

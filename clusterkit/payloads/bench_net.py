"""Measure the network between pairs of ranks, one rank on each node, and tell each result.

The job's ``input.json`` has ``rounds`` (lists of pairs of ranks, the lower first) and
``sizes_bytes``. For each direction of a pair its source tells ``{"peer", "latency_s",
"bandwidths": [[size, bytes per second], …]}``, all of them medians.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from mpi4py import MPI

_GO_ON, _STOP = b"\1" + bytes(7), bytes(8)
_PINGS, _MESSAGES = 300, 15
_FEWEST = 3
# A slow link is not measured more often than it takes to see that it is slow.
_PATIENCE_S = 1.0
_REST_S = 0.001


def main() -> None:
    """Meet each partner in its round."""
    world = MPI.COMM_WORLD
    wanted = json.loads(Path("input.json").read_text())
    with os.fdopen(int(os.environ["CLUSTERKIT_EVENTS_FD"]), "w") as events:
        for pairs in wanted["rounds"]:
            for pair in pairs:
                if world.rank in pair:
                    peer = sum(pair) - world.rank
                    row = measure(world, peer, wanted["sizes_bytes"])
                    print(json.dumps({"peer": peer, **row}), file=events, flush=True)
            rest_until_all_are_done(world)


def measure(world: MPI.Comm, peer: int, sizes_bytes: list[int]) -> dict[str, Any]:
    """From here to ``peer``; the peer measures its own direction before or after."""
    buffer = bytearray(max(sizes_bytes))
    if world.rank > peer:
        answer_peer(world, peer, buffer, sizes_bytes)
    ping(world, peer)  # which connects the two
    latency_s = median(repeat(world, peer, partial(ping, world, peer), _PINGS)) / 2
    bandwidths = []
    for size in sizes_bytes:
        part = memoryview(buffer)[:size]
        took = repeat(world, peer, partial(send, world, peer, part), _MESSAGES)
        bandwidths.append([size, size / max(median(took) - latency_s, 1e-9)])
    if world.rank < peer:
        answer_peer(world, peer, buffer, sizes_bytes)
    return {"latency_s": latency_s, "bandwidths": bandwidths}


def repeat(world: MPI.Comm, peer: int, once: Callable[[], float], times: int) -> list[float]:
    """How long each of ``times`` takes, after a first; fewer where they take long."""
    once()
    took: list[float] = []
    while len(took) < times and (len(took) < _FEWEST or sum(took) < _PATIENCE_S):
        took.append(once())
    world.Send([_STOP, MPI.BYTE], dest=peer)
    return took


def ping(world: MPI.Comm, peer: int) -> float:
    """The time of the smallest message to the peer and back."""
    began = time.perf_counter()
    world.Send([_GO_ON, MPI.BYTE], dest=peer)
    world.Recv([bytearray(8), MPI.BYTE], source=peer)
    return time.perf_counter() - began


def send(world: MPI.Comm, peer: int, part: memoryview) -> float:
    """The time of one message to the peer, and of its short answer back."""
    world.Send([_GO_ON, MPI.BYTE], dest=peer)
    world.Recv([bytearray(8), MPI.BYTE], source=peer)
    began = time.perf_counter()
    world.Send([part, MPI.BYTE], dest=peer)
    world.Recv([bytearray(8), MPI.BYTE], source=peer)
    return time.perf_counter() - began


def answer_peer(world: MPI.Comm, peer: int, buffer: bytearray, sizes_bytes: list[int]) -> None:
    """The other side of the peer's pings and messages."""
    world.Recv([bytearray(8), MPI.BYTE], source=peer)
    world.Send([_GO_ON, MPI.BYTE], dest=peer)
    for size in (0, *sizes_bytes):
        word = bytearray(8)
        world.Recv([word, MPI.BYTE], source=peer)
        while word != _STOP:
            world.Send([_GO_ON, MPI.BYTE], dest=peer)
            if size:
                world.Recv([memoryview(buffer)[:size], MPI.BYTE], source=peer)
                world.Send([_GO_ON, MPI.BYTE], dest=peer)
            world.Recv([word, MPI.BYTE], source=peer)


def rest_until_all_are_done(world: MPI.Comm) -> None:
    """Wait, and leave the cores to those who measure: Open MPI's own barrier keeps one busy."""
    barrier = world.Ibarrier()
    while not barrier.Test():
        time.sleep(_REST_S)

"""Does an NCCL all-reduce over all GPUs give the right sum, how fast, and over which network?

The network is what NCCL itself says with NCCL_DEBUG=INFO: ``NET/IB : Using …`` when it opens RDMA
devices, ``NET/Socket : Using …`` when it falls back to TCP, and in the lines of its channels
``via NET/IB/0``, ``via P2P/…`` or ``via SHM/…`` for what it then uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "NCCL all-reduce"
_USING = re.compile(
    r"NET/(IB|Socket|[\w-]+)\s*: Using \[\d+\]"
)  # NCCL 2.28.9 without devices: "Using [RO]"
_NETWORK = re.compile(r"Using network (\S+)")
_VIA = re.compile(r" via (NET/[\w-]+|P2P|SHM|C2C|NVLS|direct shared memory)")
_FIX = "see `clusterkit logs`; NCCL's own words are there with NCCL_DEBUG=INFO"
_FIX_IB = (
    "RDMA devices are there and NCCL uses TCP: look at /dev/infiniband in the containers, "
    "memlock, and NCCL_IB_HCA and NCCL_IB_DISABLE in the environment"
)


def find(seen: Seen) -> list[Finding]:
    """TCP where every node has an active RDMA port is a warning."""
    nccl = seen.nccl
    if nccl.skipped is not None:
        return [Finding("skip", seen.names, nccl.skipped)]
    nodes = tuple(node.name for node in seen.answering if node.gpus)
    if nccl.error is not None:
        return [Finding("fail", nodes, nccl.error, _FIX)]
    answers = {answer["rank"]: answer for answer in nccl.answers}
    silent = [str(rank) for rank in range(nccl.ranks) if rank not in answers]
    wrong = [str(rank) for rank, answer in answers.items() if not answer["is_right"]]
    if silent or wrong:
        what = f"rank {', '.join(silent)} did not answer" if silent else ""
        what = what or f"the sum was wrong at rank {', '.join(wrong)}"
        return [Finding("fail", nodes, what, _FIX)]
    paths = used_paths(line for answer in nccl.answers for line in answer["lines"])
    text = f"{nccl.ranks} GPUs, {_speed(seen)}, over {', '.join(paths) or 'one GPU alone'}"
    if _falls_back(seen, paths):
        return [Finding("warn", nodes, text, _FIX_IB)]
    return [Finding("pass", nodes, text)]


def used_paths(lines: Iterable[str]) -> list[str]:
    """What carries NCCL's data, in its own words: NET/IB, NET/Socket, P2P, SHM."""
    via: dict[str, None] = {}
    networks: dict[str, None] = {}
    for line in lines:
        if found := _VIA.search(line):
            via[found[1]] = None
        if found := _NETWORK.search(line) or _USING.search(line):
            networks[f"NET/{found[1]}"] = None
    return sorted(via) or ([] if len(networks) != 1 else [f"{next(iter(networks))} (unused)"])


def _speed(seen: Seen) -> str:
    """Bandwidth as nccl-tests count it: of the bus, which does not depend on how many GPUs."""
    slowest = min(seen.nccl.answers, key=lambda answer: answer["bus_bytes_per_s"])
    algorithm = slowest["bytes"] / slowest["took_s"] / 1e9
    bus = slowest["bus_bytes_per_s"] / 1e9
    return f"{algorithm:.1f} GB/s (bus {bus:.1f} GB/s)" if bus else f"{algorithm:.1f} GB/s"


def _falls_back(seen: Seen, paths: list[str]) -> bool:
    """Whether it used TCP although every machine has RDMA; one that was not looked at has none."""
    machines = [seen.machines.get(node.name) for node in seen.answering if node.gpus]
    has_rdma = bool(machines) and all(
        machine is not None and any(port.state == "ACTIVE" for port in machine.rdma_ports)
        for machine in machines
    )
    return has_rdma and "NET/Socket" in paths

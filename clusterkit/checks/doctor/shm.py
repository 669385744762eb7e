"""Is /dev/shm large enough? The ranks of one node talk through it.

NCCL and Triton fail with words that do not mention it. Docker gives a container 64 MiB. With GPUs
1 GiB is wanted, as NVIDIA's own images ask for; without, 16 MiB a rank, of which Open MPI and
gloo use a part.
"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, State, measured
from clusterkit.checks.doctor.seen import Seen
from clusterkit.quantities import size

LOOKS_AT = "/dev/shm"  # noqa: S108 - the name of what is looked at
_WITH_GPUS_BYTES = 1 << 30
_BYTES_PER_RANK = 16 << 20
_FIX = (
    "set `container: {shm_size: 1g}` (or `ipc: host`) in the inventory; on a machine: "
    "`sudo mount -o remount,size=8g /dev/shm`"
)


def find(seen: Seen) -> list[Finding]:
    """Less than wanted is a warning, less than a quarter of it a failure."""
    nodes = {node.name: node for node in seen.answering}
    sizes = {
        name: float(its.shm_bytes)
        for name, its in seen.machines.items()
        if its.shm_bytes is not None
    }

    def state_of(name: str, found: float) -> State:
        node = nodes[name]
        wanted = _WITH_GPUS_BYTES if node.gpus else node.slots * _BYTES_PER_RANK
        return "pass" if found >= wanted else "warn" if found >= wanted / 4 else "fail"

    found = measured(sizes, state_of, lambda count: size(int(count)), fix=_FIX)
    return found or [Finding("skip", seen.names, "no node tells its size")]

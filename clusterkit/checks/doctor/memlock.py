"""May programs lock as much memory as RDMA and CUDA ask for?"""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, State, by_text
from clusterkit.checks.doctor.seen import Seen
from clusterkit.facts import MachineFacts
from clusterkit.model.cluster import Node
from clusterkit.quantities import limit

LOOKS_AT = "locked memory (memlock)"
_FIX = (
    "set `container: {ulimits: {memlock: -1}}` in the inventory; on a machine add "
    "`* - memlock unlimited` to /etc/security/limits.conf and log in again"
)


def find(seen: Seen) -> list[Finding]:
    """A limit fails where RDMA is active, is a warning with GPUs, and else does not matter."""
    nodes = {node.name: node for node in seen.answering}
    states = {name: _state(nodes[name], its) for name, its in seen.machines.items()}
    found: list[Finding] = []
    for state in ("fail", "warn", "pass"):
        texts = {
            name: limit(its.memlock_bytes)
            for name, its in seen.machines.items()
            if states[name] == state
        }
        found += by_text(state, texts, fix=None if state == "pass" else _FIX)
    return found or [Finding("skip", seen.names, "no node answers")]


def _state(node: Node, machine: MachineFacts) -> State:
    if machine.memlock_bytes is None:
        return "pass"
    if machine.has_dev_infiniband and any(port.state == "ACTIVE" for port in machine.rdma_ports):
        return "fail"
    return "warn" if node.gpus else "pass"

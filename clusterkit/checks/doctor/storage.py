"""Is the storage the same file system on all nodes? Proven with a fresh nonce."""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "shared storage"


def find(seen: Seen) -> list[Finding]:
    """See checks/same_storage.py for the proof; a node that does not share it is named."""
    if seen.not_shared is None:
        return [Finding("skip", seen.names, "there is none to share, or the head is silent")]
    found = [Finding("fail", (each.node,), each.why, each.fix) for each in seen.not_shared]
    odd = {each.node for each in seen.not_shared}
    if well := tuple(node.name for node in seen.answering if node.name not in odd):
        both = "what each writes, the head reads, and back" if len(well) > 1 else "is writable"
        found.append(Finding("pass", well, f"{seen.cluster.storage.path}: {both}"))
    return found

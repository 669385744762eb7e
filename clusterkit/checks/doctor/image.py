"""Are all containers made from the same image, to the byte? A name can mean two images."""

from __future__ import annotations

from clusterkit.checks.doctor.finding import Finding, same
from clusterkit.checks.doctor.seen import Seen

LOOKS_AT = "image digest"
_SHOWN = 19  # `sha256:` and twelve digits, as docker itself shows them
_FIX = "run `clusterkit up INVENTORY`: it makes these containers anew from the image of the file"


def find(seen: Seen) -> list[Finding]:
    """Nodes for which the inventory names different images may differ, and are compared apart."""
    if not seen.images:
        return [Finding("skip", seen.names, "no containers")]
    wanted: dict[str, dict[str, str | None]] = {}
    for node in seen.nodes:
        if node.container and node.name in seen.images:
            digest = seen.images[node.name][:_SHOWN]
            wanted.setdefault(node.container.image, {})[node.name] = digest
    return [found for its in wanted.values() for found in same(its, LOOKS_AT, fix=_FIX)]

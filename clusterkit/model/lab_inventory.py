"""The inventory of a lab, as `lab up` writes it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from ipaddress import IPv4Network

from clusterkit.model.inventory_text import word

IMAGE = "clusterkit/node-lab:dev"
"""What nodes of labs are made from: a node image with what faults need."""

_BASE = "clusterkit/node-cpu:dev"
_TEXT = """\
# A lab, made by `clusterkit lab up`: `clusterkit lab fault` may break it at any time.
cluster: {name}
provider: docker
nodes:
  {nodes}: {{slots: {slots}}}
network: {{subnet: {subnet}}}
container:
  image: {image}
  shm_size: 256m
{build}lab: {{disk: 64m, storage: 1g}}
engine: {{name: transformers, model: smollm2-135m, pp: {pp}}}
"""
_BUILD = """\
  build:
    context: {context}
    dockerfile: images/lab.Dockerfile
    args: {{BASE: "{base}"}}
"""
_RANGE = IPv4Network("10.192.0.0/11")


def lab_inventory(
    name: str,
    *,
    nodes: int,
    slots: int,
    subnet: str,
    image: str | None = None,
    build_context: str | None = None,
) -> str:
    """The text; ``build_context`` is the folder that has ``images/lab.Dockerfile``."""
    build = ""
    if image is None and build_context is not None:
        build = _BUILD.format(context=word(build_context), base=_BASE)
    return _TEXT.format(
        name=name,
        nodes=f"node[1-{nodes}]" if nodes > 1 else "node1",
        slots=slots,
        subnet=subnet,
        image=word(image or IMAGE),
        build=build,
        pp=2 if nodes * slots > 1 else 1,
    )


def free_subnet(name: str, taken: Iterable[IPv4Network]) -> str | None:
    """A /24 that overlaps nothing of what is ``taken``; where to begin depends on the name.

    So two labs that are made at the same moment do not want the same one.
    """
    used = list(taken)
    count = 2 ** (24 - _RANGE.prefixlen)
    first = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")
    for step in range(count):
        number = (first + step) % count
        subnet = IPv4Network((int(_RANGE.network_address) + number * 256, 24))
        if not any(subnet.overlaps(other) for other in used):
            return str(subnet)
    return None

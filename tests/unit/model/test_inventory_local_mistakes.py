"""Mistakes in an inventory of this machine alone."""

from __future__ import annotations

import pytest

from tests.unit.model.mistaken import LOCAL, mistakes

pytestmark = pytest.mark.usefixtures("in_folder")

LOCAL_CASES = {
    "a network": (
        LOCAL + "network: {subnet: 192.168.123.0/24}\n",
        "pair.yaml:5: network: is for provider docker, and this one is local. "
        "Fix: take `network` out, or set `provider: docker`",
    ),
    "a container": (
        LOCAL + "container: {image: x}\n",
        "pair.yaml:5: container: is for provider docker, and this one is local. "
        "Fix: take `container` out, or set `provider: docker`",
    ),
    "a node's container": (
        LOCAL.replace("slots: 2", "container: {image: x}"),
        "pair.yaml:4: nodes.localhost.container: is for provider docker, and this one is local. "
        "Fix: take `container` out",
    ),
    "an address": (
        LOCAL.replace("slots: 2", "address: 127.0.0.1"),
        "pair.yaml:4: nodes.localhost.address: is for provider docker, and this one is local. "
        "Fix: take `address` out",
    ),
    "two nodes": (
        LOCAL + "  other: {slots: 2}\n",
        "pair.yaml:3: nodes: provider local has one node, this machine, and here are 2. "
        "Fix: keep one node and raise its `slots`",
    ),
    "a volume": (
        LOCAL + "storage: {kind: volume}\n",
        "pair.yaml:5: storage.kind: `volume` is for provider docker, and this one is local. "
        "Fix: take `storage` out",
    ),
}


@pytest.mark.parametrize(("text", "expected"), LOCAL_CASES.values(), ids=LOCAL_CASES)
def test_a_mistake_of_a_local_inventory(text: str, expected: str):
    assert mistakes(text) == expected

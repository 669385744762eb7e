from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest

from clusterkit.payloads.interfaces import interface_addresses


@pytest.mark.skipif(shutil.which("ip") is None, reason="no ip(8) to compare with")
def test_addresses_are_those_of_ip():
    """Those of containers come and go: what ip tells twice holds for what is between."""
    before: object = None
    ends = time.monotonic() + 30
    while (after := told_by_ip()) != before:
        assert time.monotonic() < ends, "the interfaces do not rest"
        before, found = after, sorted(interface_addresses())

    assert found == after


def told_by_ip() -> list[tuple[str, str, int]]:
    said = subprocess.run(("ip", "-j", "addr"), capture_output=True, check=True).stdout
    return sorted(
        (link["ifname"], info["local"], info["prefixlen"])
        for link in json.loads(said)
        for info in link.get("addr_info", ())
        if "local" in info
    )

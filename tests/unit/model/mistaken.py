"""Two inventories that are right, and the whole message that a wrong one gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.errors import FileMistakes
from clusterkit.model.load import load_inventory

DOCKER = """\
cluster: pair
provider: docker
nodes:
  node[1-2]: {slots: 2}
network: {subnet: 192.168.123.0/24}
container: {image: clusterkit/node-cpu}
engine: {pp: 2}
"""
LOCAL = """\
cluster: here
provider: local
nodes:
  localhost: {slots: 2}
"""
NAMES = "use lower-case letters, digits and hyphens, at most 63, a letter first"
FREE = "use one from 192.168.123.2 to 192.168.123.254"


def changed(old: str, new: str) -> str:
    """The docker inventory with ``new`` in place of ``old``."""
    assert DOCKER.count(old) == 1
    return DOCKER.replace(old, new)


def mistakes(text: str | bytes) -> str:
    """The message for an inventory in the file ``pair.yaml`` of the current folder."""
    path = Path("pair.yaml")
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileMistakes) as caught:
        load_inventory(path)
    assert caught.value.exit_code == 2
    assert str(caught.value) == "\n".join(caught.value.problems)
    return str(caught.value)

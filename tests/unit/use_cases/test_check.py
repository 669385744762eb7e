"""What an inventory means, in words."""

from __future__ import annotations

import pytest

from clusterkit.model.cluster import Storage
from clusterkit.use_cases.check import checked
from tests.unit.pair import pair
from tests.unit.providers.machines import lab


@pytest.mark.parametrize(
    ("storage", "words"),
    [
        (Storage("bind", "/shared", "/srv/x"), "the folder /srv/x, at /shared on every node"),
        (Storage("volume", "/shared"), "a volume of the cluster, at /shared on every node"),
        (Storage("local", "/home/ada/storage"), "/home/ada/storage"),
        (Storage("bind", "/mnt/shared"), "/mnt/shared, which the machines share already"),
        (Storage("nfs", "/mnt", "server:/x"), "server:/x, mounted at /mnt on every node"),
        (Storage("sync", "/var/tmp/lab"), "/var/tmp/lab, a copy on each node"),  # noqa: S108
    ],
)
def test_storage_in_words(storage: Storage, words: str):
    assert checked(pair(storage=storage)).storage == words


def test_machines_are_named_as_ssh_takes_them():
    assert [node.host for node in checked(lab()).nodes] == ["gpu01", "gpu02", "gpu03"]
    assert [node.host for node in checked(pair()).nodes] == [None, None]

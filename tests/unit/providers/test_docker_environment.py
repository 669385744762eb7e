"""The inventory's `env` reaches logins as well; sshd gives them none of the container's."""

from __future__ import annotations

from clusterkit.model.cluster import Container
from clusterkit.providers.docker.sshd import sshd_files
from tests.unit.pair import node, pair, trust

ODD = {"A": 'it\'s "b" \\ # $(id) %h', "TOKEN": "", "NAME": "ünï"}


def test_every_login_has_the_environment_of_the_inventory():
    there = node(1, container=Container("clusterkit/node-cpu", env=ODD))

    config = sshd_files(pair(nodes=(there,)), trust(pair()), there)[0]

    assert (config.mode, config.content.decode().splitlines()[-1]) == (
        0o600,
        r'SetEnv "A=it' + r"'s \"b\" \\ # $(id) %h" + '" "TOKEN=" "NAME=ünï"',
    )

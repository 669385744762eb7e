"""Mistakes in an inventory of machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.model.load import load_inventory
from tests.unit.model.mistaken import NAMES, mistakes

pytestmark = pytest.mark.usefixtures("in_folder")

MACHINES = """\
cluster: lab
provider: ssh
nodes:
  gpu[01-02]: {slots: 2}
network: {subnet: 10.0.0.0/24}
"""
TWO_LINES = """\
cluster: lab
provider: ssh
nodes:
  gpu01: {%s}
  gpu02: {%s}
network: {subnet: 10.0.0.0/24}
"""
ONE = "cluster: lab\nprovider: ssh\nnodes:\n  gpu01: {%s}\n"
CARRIED = MACHINES + "runtime: docker\n"


def nodes(settings: str) -> str:
    """The inventory with other settings of its nodes."""
    return MACHINES.replace("slots: 2", settings)


HOSTS = {
    "one host for two nodes": (
        nodes("host: gpu1"),
        "pair.yaml:4: nodes.gpu[01-02].host: 1 host for 2 nodes. "
        "Fix: give one for each node, or none at all",
    ),
    "a set that is none": (
        nodes('host: "gpu["'),
        "pair.yaml:4: nodes.gpu[01-02].host: `gpu[` cannot be read. "
        "Fix: write gpu1.example.net, or gpu[1-2].example.net for two nodes",
    ),
    "an option of ssh": (
        nodes('host: "-oProxyCommand=x[1-2]"'),
        "pair.yaml:4: nodes.gpu[01-02].host: `-oProxyCommand=x[1-2]` is no host. "
        "Fix: write a name, an address, or a Host of ~/.ssh/config",
    ),
    "two words": (
        nodes('host: "a b[1-2]"'),
        "pair.yaml:4: nodes.gpu[01-02].host: `a b[1-2]` is no host. "
        "Fix: write a name, an address, or a Host of ~/.ssh/config",
    ),
    "nothing": (
        nodes("host: ''"),
        "pair.yaml:4: nodes.gpu[01-02].host: must not be empty. "
        "Fix: write for example `host: gpu[01-02].example.net`",
    ),
    "with a user": (
        nodes('host: "me@gpu[1-2]"'),
        "pair.yaml:4: nodes.gpu[01-02].host: `me@gpu[1-2]` has a user. "
        "Fix: write the user as `ssh: {user: …}`",
    ),
    "with a port": (
        nodes('host: "gpu[1-2]:22"'),
        "pair.yaml:4: nodes.gpu[01-02].host: `gpu[1-2]:22` has a port. "
        "Fix: write the port as `ssh: {port: …}`",
    ),
    "one machine twice": (
        TWO_LINES % ("host: x", "host: x"),
        "pair.yaml:5: nodes.gpu02.host: gpu01 and gpu02 are the same machine, x. "
        "Fix: give each node a machine of its own, and raise `slots` for more ranks",
    ),
    "by the name of another node": (
        TWO_LINES % ("slots: 1", "host: gpu01"),
        "pair.yaml:5: nodes.gpu02.host: gpu01 and gpu02 are the same machine, gpu01. "
        "Fix: give each node a machine of its own, and raise `slots` for more ranks",
    ),
    "for all nodes": (
        MACHINES + "defaults: {host: x}\n",
        "pair.yaml:6: defaults.host: each node is a machine of its own. "
        "Fix: move it to the node sets",
    ),
    "as a node's name": (
        MACHINES.replace("gpu[01-02]", "gpu[01-02].example.net"),
        "pair.yaml:4: nodes.gpu[01-02].example.net: `gpu01.example.net` is not a node name. "
        f"Fix: {NAMES}",
    ),
}
NETWORK = {
    "none": (
        MACHINES.replace("network: {subnet: 10.0.0.0/24}\n", ""),
        "pair.yaml:1: network: missing: several machines need the subnet on which they talk. "
        "Fix: add `network: {subnet: …}`; `clusterkit discover HOSTS` shows what they have",
    ),
    "an address without a subnet": (
        ONE % "address: 10.0.0.1",
        "pair.yaml:4: nodes.gpu01.address: an address needs the subnet that it is in. "
        "Fix: add `network: {subnet: …}`, or take the address out",
    ),
    "addresses outside": (
        nodes('address: "10.0.1.[1-2]"'),
        "pair.yaml:4: nodes.gpu[01-02].address: 10.0.1.1 is outside the subnet 10.0.0.0/24. "
        "Fix: correct the address or the subnet\n"
        "pair.yaml:4: nodes.gpu[01-02].address: 10.0.1.2 is outside the subnet 10.0.0.0/24. "
        "Fix: correct the address or the subnet",
    ),
    "no addresses": (
        nodes('address: "10.0.0.[300-301]"'),
        "pair.yaml:4: nodes.gpu[01-02].address: `10.0.0.300` is not an IPv4 address. "
        "Fix: write four numbers from 0 to 255: 192.168.123.111\n"
        "pair.yaml:4: nodes.gpu[01-02].address: `10.0.0.301` is not an IPv4 address. "
        "Fix: write four numbers from 0 to 255: 192.168.123.111",
    ),
    "one address twice": (
        TWO_LINES % ("address: 10.0.0.9", "address: 10.0.0.9"),
        "pair.yaml:5: nodes.gpu02.address: 10.0.0.9 is the address of gpu01 as well. "
        "Fix: give each node its own",
    ),
    "the subnet's own addresses": (
        TWO_LINES % ("address: 10.0.0.0", "address: 10.0.0.255"),
        "pair.yaml:4: nodes.gpu01.address: 10.0.0.0 is the first or the last of 10.0.0.0/24, "
        "and no machine's. Fix: correct the address or the subnet\n"
        "pair.yaml:5: nodes.gpu02.address: 10.0.0.255 is the first or the last of 10.0.0.0/24, "
        "and no machine's. Fix: correct the address or the subnet",
    ),
}
STORAGE = {
    "a volume": (
        MACHINES + "storage: {kind: volume}\n",
        "pair.yaml:6: storage.kind: `volume` is for provider docker, and this one is ssh. "
        "Fix: use `bind`, `nfs` or `sync`",
    ),
    "local": (
        MACHINES + "storage: {kind: local}\n",
        "pair.yaml:6: storage.kind: `local` is for provider local, and this one is ssh. "
        "Fix: use `bind`, `nfs` or `sync`",
    ),
    "nfs of nothing": (
        MACHINES + "storage: {kind: nfs}\n",
        "pair.yaml:6: storage.source: kind nfs needs the export. "
        "Fix: write `source: server:/export`\n"
        "pair.yaml:6: storage.path: missing: kind nfs needs it. Fix: add `path: /mnt/shared`",
    ),
    "nfs of a server": (
        MACHINES + "storage: {kind: nfs, source: server, path: /mnt}\n",
        "pair.yaml:6: storage.source: kind nfs needs the export. "
        "Fix: write `source: server:/export`",
    ),
    "bind of nothing": (
        MACHINES + "storage: {kind: bind}\n",
        "pair.yaml:6: storage.path: missing: kind bind needs it. Fix: add `path: /mnt/shared`",
    ),
    "bind of this machine's folder": (
        MACHINES + "storage: {kind: bind, path: /mnt, source: ./shared}\n",
        "pair.yaml:6: storage.source: is for kind nfs, and this one is bind. "
        "Fix: take it out; `path` is where it is",
    ),
    "sync of a source": (
        MACHINES + "storage: {kind: sync, source: ./shared}\n",
        "pair.yaml:6: storage.source: is for kind nfs, and this one is sync. "
        "Fix: take it out; `path` is where it is",
    ),
}
LOGIN = {
    "a port": (
        MACHINES + "ssh: {port: 70000}\n",
        "pair.yaml:6: ssh.port: must be at most 65535, not `70000`. "
        "Fix: write for example `port: 22`",
    ),
    "port 0": (
        MACHINES + "ssh: {port: 0}\n",
        "pair.yaml:6: ssh.port: must be at least 1, not `0`. Fix: write for example `port: 22`",
    ),
    "a user": (
        MACHINES + "ssh: {user: '-x'}\n",
        "pair.yaml:6: ssh.user: `-x` is no login name. Fix: write the name alone: `user: ubuntu`",
    ),
    "two users": (
        nodes("ssh: {user: 'a b'}"),
        "pair.yaml:4: nodes.gpu[01-02].ssh.user: `a b` is no login name. "
        "Fix: write the name alone: `user: ubuntu`",
    ),
    "no user": (
        MACHINES + "ssh: {user: ''}\n",
        "pair.yaml:6: ssh.user: must not be empty. Fix: write for example `user: ubuntu`",
    ),
    "a jump host": (
        MACHINES + "ssh: {jump: '-oProxyCommand=x'}\n",
        "pair.yaml:6: ssh.jump: `-oProxyCommand=x` is no machine. "
        "Fix: write [user@]host[:port], several with commas",
    ),
    "trust": (
        MACHINES + "ssh: {trust: all}\n",
        "pair.yaml:6: ssh.trust: must be known-hosts or accept-new, not `all`. "
        "Fix: use known-hosts or accept-new",
    ),
    "no time": (
        MACHINES + "ssh: {connect_timeout_s: 0}\n",
        "pair.yaml:6: ssh.connect_timeout_s: must be more than 0, not `0`. "
        "Fix: write for example `connect_timeout_s: 8`",
    ),
    "no key file": (
        MACHINES + "ssh: {key_file: ''}\n",
        "pair.yaml:6: ssh.key_file: must not be empty. "
        'Fix: write for example `key_file: "~/.ssh/id_ed25519"`',
    ),
    "a key that is none": (
        MACHINES + "ssh: {keyfile: x}\n",
        "pair.yaml:6: ssh.keyfile: unknown key. Fix: did you mean `key_file`?",
    ),
    "a Python of this machine": (
        MACHINES + "python: ./venv/bin/python\n",
        "pair.yaml:6: python: `./venv/bin/python` is not absolute. "
        "Fix: begin it with /: it is on the nodes",
    ),
}
CASES = {
    f"{part}: {name}": case
    for part, cases in {
        "hosts": HOSTS,
        "network": NETWORK,
        "storage": STORAGE,
        "login": LOGIN,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_of_an_inventory_of_machines(text: str, expected: str):
    assert mistakes(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        nodes('host: "gpu[1-2].example.net", ssh: {user: ada, port: 2222}'),
        nodes('host: "2001:db8::[1-2]"'),
        # the same address twice, told apart by the port: two containers' sshds on one machine
        TWO_LINES % ("host: x, ssh: {port: 2201}", "host: x, ssh: {port: 2202}"),
        ONE % "slots: 1",  # alone, a machine needs no network
        CARRIED.replace("slots: 2", "address: '10.0.0.[1-2]'")
        + "container: {image: x, network: net, ports: ['80:80']}\n",  # each machine has its own
        MACHINES + "storage: {kind: nfs, source: 'server:/export', path: /mnt}\n",
        MACHINES + "ssh: {jump: 'me@a:22,b'}\n",
        CARRIED + "container: {image: x, ssh_port: 2300}\nssh: {port: 2222}\n",
    ],
)
def test_what_is_right_is_taken(text: str):
    Path("lab.yaml").write_text(text)

    load_inventory(Path("lab.yaml"))

"""What a machine tells is put into the cluster: folder, login, address, devices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.model.cluster import Container, Node
from clusterkit.model.contact import Contact, address_problem, met, one_machine_twice
from clusterkit.model.machine import Login, Machine
from tests.unit.pair import pair

LOGIN = Login("ada", 2222, ("ssh-ed25519 AAAA",))
CONTACT = Contact("/home/ada", 1001, LOGIN, ("192.168.123.7", "10.0.0.7"))
BARE = Node("node1", 2, machine=Machine("gpu1"), home="~/.clusterkit/pair/node1")
CARRIED = Node("node1", 2, machine=Machine("gpu1"), container=Container("image"))


def after(node: Node, contact: Contact = CONTACT) -> Node:
    return met(pair(nodes=(node,)), {"node1": contact}).head


def test_a_bare_node_gets_its_folder_its_login_and_the_address_in_the_subnet():
    assert after(BARE) == replace(
        BARE, home="/home/ada/.clusterkit/pair/node1", login=LOGIN, address="192.168.123.7"
    )


@pytest.mark.parametrize("home", ["/", "/home/ada/"])
def test_a_home_folder_may_end_with_a_slash(home):
    path = f"{home.rstrip('/')}/.clusterkit/pair/node1"
    assert after(BARE, replace(CONTACT, home=home)).home == path


def test_what_the_inventory_says_stays():
    node = replace(BARE, home="/srv/pair", address="192.168.123.9")
    assert after(node) == replace(node, login=LOGIN)


def test_a_machine_that_was_not_asked_stays_unknown():
    cluster = pair(nodes=(BARE,))
    assert met(cluster, {}) == cluster


def test_a_container_on_a_machine_keeps_its_own_login_and_folder():
    node = replace(CARRIED, login=Login("root", 2222, ()))
    assert after(node) == replace(node, address="192.168.123.7")


@pytest.mark.parametrize(
    ("changes", "devices"),
    [
        ({}, ("/dev/infiniband",)),
        ({"devices": ("/dev/fuse",)}, ("/dev/fuse", "/dev/infiniband")),
        ({"devices": ("/dev/infiniband/uverbs0",)}, ("/dev/infiniband/uverbs0",)),
        ({"rdma": False}, ()),
        ({"network": "macvlan0"}, ()),
    ],
)
def test_containers_with_the_machines_network_get_its_rdma_devices(changes, devices):
    node = replace(CARRIED, container=replace(Container("image"), **changes))
    with_rdma = after(node, replace(CONTACT, has_rdma=True)).container
    without = after(node).container
    assert (with_rdma and with_rdma.devices, without) == (devices, node.container)


@pytest.mark.parametrize(
    ("node", "subnet", "problem"),
    [
        (BARE, "192.168.123.0/24", None),
        (BARE, None, None),
        (
            replace(CARRIED, container=Container("image", network="macvlan0")),
            "172.16.0.0/24",
            None,
        ),
        (
            replace(BARE, address="192.168.123.9"),
            "192.168.123.0/24",
            "192.168.123.9 is no address of this machine: its addresses are 192.168.123.7, "
            "10.0.0.7. Fix: correct `address` in the inventory, or `host` if this is another "
            "machine",
        ),
        (
            BARE,
            "172.16.0.0/24",
            "no address of this machine is in the cluster network 172.16.0.0/24: its addresses "
            "are 192.168.123.7, 10.0.0.7. Fix: correct `network` in the inventory, or configure "
            "its interface",
        ),
        (BARE, "0.0.0.0/1", None),
        (replace(BARE, address="10.0.0.7"), "0.0.0.0/0", None),
        (
            BARE,
            "0.0.0.0/0",
            "2 addresses of this machine are in 0.0.0.0/0: 192.168.123.7, 10.0.0.7. "
            "Fix: choose one with `address` in the inventory",
        ),
    ],
)
def test_a_machine_that_is_not_on_the_cluster_network(node, subnet, problem):
    assert address_problem(node, CONTACT, subnet) == problem


def test_two_names_of_one_machine():
    at = {"a": "10.0.0.1", "b": "10.0.0.2", "c": "10.0.0.1"}
    nodes = tuple(replace(BARE, name=name, address=each) for name, each in at.items())
    cluster = pair(nodes=nodes)

    assert one_machine_twice(cluster) == {
        "c": "it is the same machine as a: both are at 10.0.0.1. "
        "Fix: give each node a machine of its own, and raise `slots` for more ranks"
    }

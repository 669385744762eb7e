"""What `up` and `down` do on machines, stage by stage, as values."""

from __future__ import annotations

from dataclasses import replace

from clusterkit.command import DockerLook
from clusterkit.model.cluster import Storage, default_sync_path
from clusterkit.model.former import Former
from clusterkit.model.machine import Machine
from clusterkit.model.trust import HEAD
from clusterkit.providers import ssh
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.gone import Gone
from clusterkit.providers.docker.login import SshdFiles, login_files
from clusterkit.providers.docker.volume import Volume
from clusterkit.providers.ssh.authorized_key import AuthorizedKey
from clusterkit.providers.ssh.head_files import head_files, no_head_files
from clusterkit.providers.ssh.own_folder import OwnFolder, OwnFolderGone
from clusterkit.tasks.base import Stage
from clusterkit.tasks.head_login import HeadLogsIn
from tests.unit.pair import key, trust
from tests.unit.providers.machines import carried, lab, machine

HEADS_KEY = "ssh-ed25519 head"
NO_KEY = AuthorizedKey("gpu01", "lab", None, expected=False)
"""On the head, which may have been another node before."""


def test_bare_machines_come_up_with_a_folder_each_and_the_head_let_in():
    cluster = lab()
    first, second, third = cluster.nodes

    assert ssh.up(cluster, trust(cluster)) == (
        Stage("nodes", tuple(OwnFolder(cluster, node) for node in (first, second, third))),
        Stage(
            "trust",
            (
                head_files(cluster, trust(cluster)),
                NO_KEY,
                no_head_files(cluster, second),
                AuthorizedKey("gpu02", "lab", HEADS_KEY),
                no_head_files(cluster, third),
                AuthorizedKey("gpu03", "lab", HEADS_KEY),
            ),
        ),
        Stage("trust", (HeadLogsIn(cluster),), after=("nodes", "trust")),
    )


def test_a_machine_alone_lets_nobody_in():
    alone = lab(nodes=(machine(1),))

    assert ssh.up(alone, trust(alone)) == (
        Stage("nodes", (OwnFolder(alone, machine(1)),)),
        Stage("trust", (head_files(alone, trust(alone)), NO_KEY)),
    )


def test_while_the_heads_key_is_replaced_both_are_let_in():
    cluster = lab()
    both = replace(trust(cluster), beside={HEAD: ("ssh-ed25519 old",)})

    _, trusting, _ = ssh.up(cluster, both)

    assert AuthorizedKey("gpu02", "lab", HEADS_KEY, ("ssh-ed25519 old",)) in trusting.tasks
    assert key("head").public == HEADS_KEY


def test_bare_machines_go_down_with_the_heads_key_first():
    cluster = lab()

    assert ssh.down(cluster) == (
        Stage(
            "trust",
            tuple(AuthorizedKey(name, "lab", None) for name in ("gpu01", "gpu02", "gpu03")),
        ),
        Stage(
            "nodes",
            (
                OwnFolderGone("gpu01", "/home/ubuntu/.clusterkit/lab/gpu01"),
                OwnFolderGone("gpu02", "/home/ada/.clusterkit/lab/gpu02"),
                OwnFolderGone("gpu03", "/home/ubuntu/.clusterkit/lab/gpu03"),
            ),
        ),
    )


def test_a_container_on_each_machine():
    cluster, keys = carried(), trust(carried())

    machines, nodes, login, proof = ssh.up(cluster, keys)

    names = ["gpu01", "gpu02", "gpu03"]
    assert (machines.name, [task.node for task in machines.tasks]) == ("machines", names)
    assert nodes == Stage(
        "nodes", tuple(Containers(cluster, keys, node.name, (node,)) for node in cluster.nodes)
    )
    assert login == Stage(
        "trust",
        tuple(
            task
            for node in cluster.nodes
            for task in (SshdFiles(cluster, keys, node), login_files(cluster, keys, node))
        ),
    )
    assert proof == Stage("trust", (HeadLogsIn(cluster),), after=("nodes", "trust"))


def test_containers_go_down_on_each_machine():
    cluster = carried()

    views = {node.name: replace(cluster, nodes=(node,)) for node in cluster.nodes}
    assert ssh.down(cluster) == (
        Stage("nodes", tuple(Gone(view, "containers", name) for name, view in views.items())),
        Stage("machines", tuple(Gone(view, "volumes", name) for name, view in views.items())),
    )


def test_copies_in_containers_are_in_a_volume_of_each_machine():
    """Nobody needs to be root on the machine to take it away again."""
    cluster = replace(carried(), storage=Storage("sync", default_sync_path("lab")))

    machines = ssh.up(cluster, trust(cluster))[0]

    views = [replace(cluster, nodes=(node,)) for node in cluster.nodes]
    assert machines.tasks[3:] == tuple(Volume(view, view.head.name) for view in views)


def test_a_former_node_loses_its_key_before_its_folder():
    former = Former("gpu03", Machine("gpu03"), home="/home/ubuntu/.clusterkit/lab/gpu03")

    assert ssh.former("lab", former) == (
        AuthorizedKey("gpu03", "lab", None),
        OwnFolderGone("gpu03", "/home/ubuntu/.clusterkit/lab/gpu03"),
    )


def test_of_a_former_container_all_goes_that_its_engine_has_of_the_cluster():
    gone = ssh.former("lab", Former("gpu03", Machine("gpu03"), is_carried=True))

    assert [(task.node, task.kind, task.probe()) for task in gone] == [
        ("gpu03", "containers", DockerLook("lab")),
        ("gpu03", "volumes", DockerLook("lab")),
    ]


def test_of_a_node_that_stays_nothing_is_taken_but_its_former_storage():
    former = Former("gpu03", Machine("gpu03"), storage="/scratch/clusterkit")

    assert ssh.former("lab", former) == ()

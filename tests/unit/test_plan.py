from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.checks.same_versions import check_same_versions
from clusterkit.errors import ClusterkitError
from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Node, Storage
from clusterkit.model.former import Former
from clusterkit.model.machine import Machine
from clusterkit.model.trust import planned_trust
from clusterkit.plan import (
    check_nodes_together,
    down_stages,
    former_stages,
    mpi_stage,
    storage_stages,
    up_stages,
)
from clusterkit.providers.ssh.authorized_key import AuthorizedKey
from clusterkit.providers.ssh.own_folder import OwnFolderGone
from clusterkit.tasks.base import Stage
from clusterkit.tasks.nfs import NfsGone
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.tasks.own_storage import OwnStorageGone
from clusterkit.tasks.payload import Payload
from clusterkit.tasks.storage import SharedFolder
from tests.unit.pair import node, pair


def test_the_stages_of_a_docker_cluster_in_order():
    cluster = pair()
    stages = up_stages(cluster, planned_trust(cluster))

    assert [stage.name for stage in stages] == [
        *("machines", "nodes", "trust", "mpi", "storage"),
        "storage",  # on the nodes that must see what the head made
    ]
    assert [stage.name for stage in down_stages(cluster)] == ["nodes", "machines"]


def test_the_stages_of_a_local_cluster_in_order():
    cluster = pair(
        provider="local", nodes=(Node("localhost", 2),), storage=Storage("local", "/cache")
    )
    stages = up_stages(cluster, planned_trust(cluster))

    assert [stage.name for stage in stages] == ["nodes", "mpi", "storage"]
    assert [stage.name for stage in down_stages(cluster)] == ["nodes"]


def test_every_node_is_looked_at_and_gets_the_payloads():
    assert mpi_stage(pair()) == Stage(
        "mpi",
        (
            LookAtNode(node(1)),
            Payload("node1", "/var/lib/clusterkit", from_start=True),
            LookAtNode(node(2)),
            Payload("node2", "/var/lib/clusterkit", from_start=True),
        ),
        check_nodes_together,
    )


def test_the_head_makes_the_storage_and_the_others_must_see_it():
    assert storage_stages(pair()) == (
        Stage("storage", (SharedFolder("node1", "/shared"),)),
        Stage("storage", (SharedFolder("node2", "/shared", "node1"),), after="storage"),
    )


def facts(mpi="5.0.11", **packages) -> NodeFacts:
    return NodeFacts("n", 1, 2, 1, "/python", "3.11", "/mpirun", mpi, packages)


@pytest.mark.parametrize(
    "nodes",
    [{}, {"node1": facts()}, {"node1": facts(torch="2"), "node2": facts(torch="2", gguf="1")}],
)
def test_equal_versions_are_fine(nodes):
    check_same_versions(nodes)


def test_each_difference_has_a_line_with_the_nodes_that_share_a_version():
    nodes = {
        "node1": facts(torch="2.13.0", transformers="5"),
        "node2": facts("4.1.4", torch="2.13.0", transformers="5"),
        "node3": facts("4.1.4", transformers="5"),
    }
    with pytest.raises(ClusterkitError) as caught:
        check_same_versions(nodes)

    fix = "Fix: give all nodes the same image, or install one version"
    assert str(caught.value).splitlines() == [
        f"Open MPI differs: 5.0.11 on node1, 4.1.4 on node[2-3]. {fix}",
        f"torch differs: 2.13.0 on node[1-2], none on node3. {fix}",
    ]


def test_a_former_node_loses_its_key_first_and_its_folder_last():
    home = "/home/ubuntu/.clusterkit/lab/gpu03"
    former = Former(
        "gpu03",
        Machine("gpu03"),
        home=home,
        storage="/scratch/clusterkit",
        mounted="/mnt/models",
        marked_in=home,
    )
    copies = OwnStorageGone("gpu03", "/scratch/clusterkit", "lab")

    assert former_stages("lab", former) == (
        Stage(
            "former",
            (
                AuthorizedKey("gpu03", "lab", None),
                NfsGone("gpu03", "/mnt/models", home),
                copies,
                OwnFolderGone("gpu03", home),
            ),
        ),
    )
    stays = replace(former, home=None, mounted=None)
    assert former_stages("lab", stays) == (Stage("former", (copies,)),)

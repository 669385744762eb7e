"""The cluster network, the volume and the images."""

from __future__ import annotations

import pytest

from clusterkit.command import HOST, DockerCall, Step
from clusterkit.errors import ClusterkitError, NotOurs
from clusterkit.model.cluster import Build, Container
from clusterkit.providers.docker.image import Image
from clusterkit.providers.docker.network import Network
from clusterkit.providers.docker.volume import Volume
from clusterkit.tasks.base import Change
from tests.unit.pair import node, pair
from tests.unit.providers.engine import (
    PAIR,
    answer,
    box,
    network,
)

CREATE_NETWORK = Step(
    HOST,
    "create network clusterkit-pair (192.168.123.0/24)",
    DockerCall(
        "network",
        "clusterkit-pair",
        {"subnet": "192.168.123.0/24", "labels": {"clusterkit.cluster": "pair"}},
    ),
    "+",
)


def plan_network(*networks, containers=()) -> Change:
    task = Network(PAIR)
    return task.plan(answer(task, networks=list(networks), containers=list(containers)))


def test_a_network_that_is_not_there_is_created():
    elsewhere = [
        network("bridge", ["172.17.0.0/16"]),
        network("host", [], labels=None),
        network("odd", None, labels=None),
        network("v6", ["fd00::/64"]),
    ]
    assert plan_network(*elsewhere) == Change("create the network", (CREATE_NETWORK,))
    assert Network(PAIR).plan(None) == Change("create the network", (CREATE_NETWORK,))


def test_a_network_that_is_there_stays():
    assert plan_network(network()) == Change("network clusterkit-pair is 192.168.123.0/24")


@pytest.mark.parametrize("labels", [{}, None, {"clusterkit.cluster": "another"}])
def test_a_network_that_is_not_ours_is_never_touched(labels):
    with pytest.raises(NotOurs) as caught:
        plan_network(network(labels=labels))

    assert str(caught.value) == (
        "a network named clusterkit-pair exists that clusterkit did not make. "
        "Fix: rename the cluster, or remove that network yourself"
    )


@pytest.mark.parametrize("taken", ["192.168.0.0/16", "192.168.123.128/25", "192.168.123.5/24"])
def test_a_subnet_that_is_taken_names_who_has_it(taken):
    with pytest.raises(ClusterkitError) as caught:
        plan_network(network("office", [taken]))

    assert str(caught.value) == (
        f"subnet 192.168.123.0/24 is taken: the Docker network office has {taken}. "
        "Fix: choose another `network.subnet` in the inventory (and its addresses)"
    )


def test_a_network_with_another_subnet_is_replaced_containers_first():
    theirs = box(PAIR, node(9), labels=None)

    change = plan_network(
        network(subnets=["10.0.0.0/24"]), containers=[box(PAIR, node(1)), theirs]
    )

    assert change == Change(
        "replace the network",
        (
            Step(HOST, "remove container pair-node1", DockerCall("remove", "pair-node1"), "-"),
            Step(
                HOST,
                "remove network clusterkit-pair",
                DockerCall("remove-network", "clusterkit-pair"),
                "-",
            ),
            CREATE_NETWORK,
        ),
    )


CREATE_VOLUME = Step(
    HOST,
    "create volume clusterkit-pair-storage",
    DockerCall("volume", "clusterkit-pair-storage", {"labels": {"clusterkit.cluster": "pair"}}),
    "+",
)


def plan_volume(*volumes) -> Change:
    task = Volume(PAIR)
    return task.plan(answer(task, volumes=list(volumes)))


def test_a_volume_that_is_not_there_is_created():
    lock = {"name": "clusterkit-pair-lock", "labels": {"clusterkit.lock": "{}"}}

    assert plan_volume(lock) == Change("create the volume", (CREATE_VOLUME,))
    assert Volume(PAIR).plan(None) == Change("create the volume", (CREATE_VOLUME,))


def test_a_volume_that_is_there_stays():
    ours = {"name": "clusterkit-pair-storage", "labels": {"clusterkit.cluster": "pair"}}

    assert plan_volume(ours) == Change("volume clusterkit-pair-storage is there")


@pytest.mark.parametrize("labels", [{}, None, {"clusterkit.cluster": "another"}])
def test_a_volume_that_is_not_ours_is_never_touched(labels):
    with pytest.raises(NotOurs) as caught:
        plan_volume({"name": "clusterkit-pair-storage", "labels": labels})

    assert str(caught.value) == (
        "a volume named clusterkit-pair-storage exists that clusterkit did not make. "
        "Fix: rename the cluster, or remove that volume yourself"
    )


def test_images_are_pulled_or_built_once_and_used_where_they_are():
    build = Build("/repo", "images/node.Dockerfile", {"A": "1"}, "host")
    nodes = (
        node(1, container=Container("built", build)),
        node(2, container=Container("built", build)),
        node(3, container=Container("pulled")),
        node(4, container=Container("there")),
    )
    task = Image(pair(nodes=nodes))
    there = {"there": {"id": "sha256:1", "labels": None, "created": ""}, "pulled": None}

    assert task.probe().images == ("built", "pulled", "there")
    assert task.plan(answer(task, images=there)) == Change(
        "image built, pulled, there is there",
        (
            Step(
                HOST,
                "build image built from images/node.Dockerfile",
                DockerCall(
                    "build",
                    "built",
                    {
                        "context": "/repo",
                        "dockerfile": "images/node.Dockerfile",
                        "args": {"A": "1"},
                        "network": "host",
                    },
                ),
                "+",
            ),
            Step(HOST, "pull image pulled", DockerCall("pull", "pulled"), "+"),
        ),
    )

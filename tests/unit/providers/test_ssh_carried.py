"""One container on each machine: each machine is asked for itself, and none builds its own."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from clusterkit.checks.same_images import check_same_images
from clusterkit.command import DockerCall, DockerLook, Result, Step
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Build, Cluster, Container
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.gone import Gone
from clusterkit.providers.docker.login import SshdFiles, login_files
from clusterkit.providers.docker.spec import create_arguments
from clusterkit.providers.docker.sshd import sshd_files
from clusterkit.providers.ssh import down, up
from clusterkit.providers.ssh.machine_image import MachineImage
from clusterkit.tasks.base import Change, Stage
from clusterkit.tasks.head_login import HeadLogsIn
from tests.unit.pair import trust
from tests.unit.providers.machines import carried

NAMES = ("gpu01", "gpu02", "gpu03")
PULL = Step("gpu01", "pull image image", DockerCall("pull", "image"), "+")


def with_containers(container: Container) -> Cluster:
    cluster = carried()
    nodes = tuple(replace(node, container=container) for node in cluster.nodes)
    return replace(cluster, nodes=nodes)


def built(count: int = 3) -> Cluster:
    cluster = with_containers(Container("image", Build("/src", "/src/Dockerfile")))
    return replace(cluster, nodes=cluster.nodes[:count])


def images(task: MachineImage, **found: str | None) -> Result:
    rows = {name: {"id": image_id} if image_id else None for name, image_id in found.items()}
    return Result(task.node, task.probe(), 0, json.dumps({"images": rows}))


def test_up_looks_at_each_machine_and_compares_before_it_makes_anything():
    cluster, keys = carried(), trust(carried())

    assert up(cluster, keys) == (
        Stage(
            "machines",
            tuple(MachineImage(cluster, name) for name in NAMES),
            check_images=check_same_images,
        ),
        Stage(
            "nodes",
            tuple(Containers(cluster, keys, node.name, (node,)) for node in cluster.nodes),
        ),
        Stage(
            "trust",
            tuple(
                task
                for node in cluster.nodes
                for task in (SshdFiles(cluster, keys, node), login_files(cluster, keys, node))
            ),
        ),
        Stage("trust", (HeadLogsIn(cluster),), after=("nodes", "trust")),
    )


def test_one_machine_needs_no_login_from_its_head():
    cluster = replace(carried(), nodes=carried().nodes[:1])

    assert [stage.name for stage in up(cluster, trust(cluster))] == ["machines", "nodes", "trust"]


def test_down_asks_each_machine_for_itself():
    cluster = carried()

    alone = [replace(cluster, nodes=(node,)) for node in cluster.nodes]
    assert down(cluster) == (
        Stage("nodes", tuple(Gone(each, "containers", each.head.name) for each in alone)),
        Stage("machines", tuple(Gone(each, "volumes", each.head.name) for each in alone)),
    )


def test_the_image_and_the_container_are_asked_for_in_one_look():
    cluster = carried()
    look = DockerLook("lab", ("lab-gpu02", "clusterkit-lab-storage"), ("image",))

    assert MachineImage(cluster, "gpu02").probe() == look
    assert Containers(cluster, trust(cluster), "gpu02", cluster.nodes[1:2]).probe() == look


def test_an_image_that_is_there_is_told_with_its_id():
    task = MachineImage(carried(), "gpu01")

    assert task.plan(images(task, image="sha256:1")) == Change(
        "image image is there", images={"image": "sha256:1"}
    )


def test_an_image_that_is_missing_is_pulled_and_not_compared():
    task = MachineImage(carried(), "gpu01")

    assert task.plan(images(task, image=None)) == Change("image image is there", (PULL,))
    assert task.plan(None) == Change("image image is there", (PULL,))


def test_several_machines_build_nothing():
    task = MachineImage(built(), "gpu01")

    with pytest.raises(ClusterkitError) as caught:
        task.plan(images(task, image=None))
    assert str(caught.value) == (
        "gpu01: image image is not there, and to build it on each machine would make a different "
        "one on each. Fix: build it here once (`docker build --tag image`), then "
        "`clusterkit images push image --inventory INVENTORY`"
    )
    assert task.plan(images(task, image="sha256:1")).steps == ()


def test_a_single_machine_builds():
    task = MachineImage(built(1), "gpu01")

    steps = task.plan(images(task, image=None)).steps
    assert [step.summary for step in steps] == ["build image image from /src/Dockerfile"]


def test_a_container_has_the_network_of_its_machine_and_a_port_of_its_own():
    cluster = carried()
    arguments = create_arguments(cluster, cluster.nodes[1])

    assert {name: arguments[name] for name in ("network", "address", "aliases")} == {
        "network": "host",
        "address": None,
        "aliases": [],
    }
    config = sshd_files(cluster, trust(cluster), cluster.nodes[1])[0].content.decode()
    assert "\nListenAddress 10.0.0.12\nPort 2222\n" in config


def test_a_container_on_a_network_of_docker_has_its_address_there():
    cluster = with_containers(Container("image", network="overlay"))
    arguments = create_arguments(cluster, cluster.nodes[1])

    assert {name: arguments[name] for name in ("network", "address", "aliases")} == {
        "network": "overlay",
        "address": "10.0.0.12",
        "aliases": ["gpu02"],
    }


def test_another_ssh_port_makes_no_other_container():
    cluster = carried()
    node = cluster.nodes[0]
    assert node.login is not None
    moved = replace(node, login=replace(node.login, port=2299))

    assert create_arguments(cluster, node) == create_arguments(cluster, moved)

"""What is asked and sent for images, decided before anything is touched."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.command import HOST, Command, Step
from clusterkit.errors import UsageError
from clusterkit.model.cluster import Node
from clusterkit.model.images_options import ImagesOptions, with_tag
from clusterkit.model.options import read_options
from clusterkit.use_cases.images import list_steps
from clusterkit.use_cases.images_push import push_steps
from clusterkit.use_cases.session import Session
from tests.unit.pair import pair
from tests.unit.providers.machines import carried, lab

LOAD = Command(("docker", "load", "--quiet"))


@pytest.fixture
def session(tmp_path):
    """Containers on three machines that nobody connects to."""
    return Session(carried(), tmp_path)


def options(action="push", image="a/b:1", **more):
    return ImagesOptions(action=action, image=image, **more)


def loads(image, *names):
    return [Step(name, f"load {image}", LOAD, "+", "push") for name in names]


def read(source, image):
    return Step(source, f"read {image} once", Command(("docker", "save", image)), stage="push")


@pytest.mark.parametrize(
    ("image", "whole"),
    [
        ("a", "a:latest"),
        ("a:1", "a:1"),
        ("host:5000/a", "host:5000/a:latest"),
        ("host:5000/a:1", "host:5000/a:1"),
    ],
)
def test_an_image_is_sent_with_one_tag(image, whole):
    assert with_tag(image) == whole


def test_a_push_reads_once_and_loads_on_every_machine(session):
    steps = push_steps(session, options(image="a/b"))

    image = "a/b:latest"
    assert steps == [read(HOST, image), *loads(image, "gpu01", "gpu02", "gpu03")]


def test_a_node_that_is_the_source_gets_nothing(session):
    steps = push_steps(session, options(source="gpu02", nodes="gpu[01-02]"))

    assert steps == [read("gpu02", "a/b:1"), *loads("a/b:1", "gpu01")]


def test_a_list_looks_at_the_image_of_each_node(session):
    inspect = Command(("docker", "image", "inspect", "image"))

    assert list_steps(session, options("ls", None, nodes="gpu01")) == [
        Step("gpu01", "look at image", inspect, stage="look")
    ]


def test_on_one_engine_there_is_nothing_to_send(tmp_path):
    with pytest.raises(UsageError) as caught:
        push_steps(Session(pair(), tmp_path), options())

    assert str(caught.value) == (
        "the nodes of cluster pair are on one Docker engine, which has the images of all. "
        "Fix: nothing is to be sent; see `clusterkit images ls`"
    )


@pytest.mark.parametrize(
    "cluster", [lab(), pair(provider="local", nodes=(Node("localhost", 1),))], ids=["bare", "here"]
)
@pytest.mark.parametrize("steps", [push_steps, list_steps])
def test_a_cluster_without_containers_has_no_images(steps, cluster, tmp_path):
    with pytest.raises(UsageError, match="has no containers, and so no images"):
        steps(Session(replace(cluster), tmp_path), options())


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"source": "gpu[01-02]"},
            "`--from gpu[01-02]` means 2 nodes. Fix: name one",
        ),
        (
            {"source": "gpu01", "nodes": "gpu01"},
            "gpu01 is all of `gpu01`. Fix: name other nodes",
        ),
    ],
)
def test_a_source_is_one_node_and_not_the_only_target(session, more, message):
    with pytest.raises(UsageError) as caught:
        push_steps(session, options(**more))

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "`push` needs an image. Fix: name one, such as clusterkit/node-cpu:dev"),
        (
            {"image": "a@sha256:1"},
            "`a@sha256:1` names a digest, which only a registry can give. "
            "Fix: tag it where it is, and push the tag",
        ),
    ],
)
def test_what_cannot_be_pushed(words, message):
    with pytest.raises(UsageError) as caught:
        read_options("images", {"action": "push", **words})

    assert str(caught.value) == message

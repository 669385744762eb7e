"""A changed setting recreates a container, and is named."""

from __future__ import annotations

import json
from dataclasses import replace
from unittest.mock import ANY

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clusterkit.model.cluster import Container, Mount, Storage
from clusterkit.providers.docker.spec import create_arguments, differing_fields
from tests.unit.pair import node, pair
from tests.unit.providers.engine import (
    PAIR,
    SPEC,
    box,
    created,
    network,
    planned,
    removed,
)


def test_devices_are_arguments_only_where_there_are_some():
    """A container that was made before there were devices stays as it is."""
    one = node(1, container=Container("img:1", devices=("/dev/infiniband",)))
    two = node(2, container=Container("img:1"))

    assert create_arguments(pair(nodes=(one,)), one)["devices"] == ["/dev/infiniband"]
    assert "devices" not in create_arguments(pair(nodes=(two,)), two)


def test_the_arguments_of_a_container_are_those_of_the_inventory():
    container = Container(
        "img:1",
        env={"HF_TOKEN": "hunter2"},
        mounts=(Mount("/data", "/d", read_only=True),),
        ports=("8000:8000",),
        shm_size="1g",
        ipc="host",
        ulimits={"memlock": -1},
    )
    one = node(1, container=container, gpus=(0, 3))
    arguments = create_arguments(pair(nodes=(one,)), one)

    spec_label = arguments["labels"].pop(SPEC)
    assert arguments == {
        "image": "img:1",
        "hostname": "node1",
        "command": ["sh", "-c", ANY, "sh", "/var/lib/clusterkit/sshd"],  # what it does: e2e
        "env": {"HF_TOKEN": "hunter2"},
        "network": "clusterkit-pair",
        "address": "192.168.123.111",
        "aliases": ["node1"],
        "mounts": [
            {
                "type": "volume",
                "source": "clusterkit-pair-storage",
                "target": "/shared",
                "read_only": False,
            },
            {"type": "bind", "source": "/data", "target": "/d", "read_only": True},
        ],
        "ports": ["8000:8000"],
        "shm_size": "1g",
        "ipc": "host",
        "ulimits": {"memlock": -1},
        "gpus": [0, 3],
        "init": True,
        "labels": {"clusterkit.cluster": "pair", "clusterkit.node": "node1"},
    }
    assert "hunter2" not in spec_label
    assert sorted(json.loads(spec_label)) == sorted(arguments.keys() - {"labels"})


def test_the_storage_may_be_a_folder_of_the_host():
    cluster = pair(storage=Storage("bind", "/shared", "/srv/models"))

    assert create_arguments(cluster, node(1))["mounts"] == [
        {
            "type": "bind",
            "source": "/srv/models",
            "target": "/shared",
            "read_only": False,
            "create": True,
        }
    ]


def with_container(**changes) -> dict:
    return {"container": Container(**({"image": "clusterkit/node-cpu"} | changes))}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        (with_container(image="other:1"), "image"),
        (with_container(env={"A": "b"}), "env"),
        (with_container(ulimits={"memlock": -1}), "ulimits"),
        (with_container(mounts=(Mount("/a", "/b"),)), "mounts"),
        (with_container(ports=("80:80",)), "ports"),
        (with_container(shm_size="2g"), "shm_size"),
        (with_container(ipc="host"), "ipc"),
        (with_container(ipc="host", env={"A": "b"}), "env, ipc"),
        ({"address": "192.168.123.99"}, "address"),
        ({"gpus": (0,)}, "gpus"),
    ],
)
def test_a_changed_setting_recreates_the_container_and_is_named(changes, names):
    changed = replace(node(2), **changes)
    wanted = pair(nodes=(node(1), changed))

    steps = planned(
        wanted,
        containers=[box(PAIR, node(1)), box(PAIR, node(2))],
        images={"other:1": {"id": "sha256:9", "labels": {}, "created": ""}},
    )

    assert steps == (removed("node2", f"{names} changed"), *created(wanted, changed))


def test_a_setting_that_does_not_concern_the_container_changes_nothing():
    assert planned(pair(nodes=(node(1), node(2, slots=7, python="/opt/python")))) == ()


def test_another_storage_recreates_every_container():
    wanted = pair(storage=Storage("bind", "/shared", "/srv"))

    assert planned(wanted, containers=[box(PAIR, node(1)), box(PAIR, node(2))]) == (
        removed("node1", "mounts changed"),
        *created(wanted, node(1)),
        removed("node2", "mounts changed"),
        *created(wanted, node(2)),
    )


def test_containers_that_go_with_a_former_network_are_not_removed_again():
    """In a plan, for `up` looks again after the network was replaced."""
    boxes = [box(PAIR, node(1)), box(PAIR, node(2)), box(PAIR, node(3))]

    assert planned(containers=boxes, networks=[network(subnets=["10.0.0.0/24"])]) == (
        *created(PAIR, node(1)),
        *created(PAIR, node(2)),
    )
    assert planned(networks=[network(), network("bridge", ["172.17.0.0/16"])]) == ()


def test_a_container_of_an_older_image_of_that_name_is_recreated():
    images = {"clusterkit/node-cpu": {"id": "sha256:2", "labels": None, "created": ""}}

    assert planned(images=images) == (
        removed("node1", "image changed"),
        *created(PAIR, node(1)),
        removed("node2", "image changed"),
        *created(PAIR, node(2)),
    )


def test_a_container_whose_image_is_gone_from_the_host_stays():
    assert planned(images={"clusterkit/node-cpu": None}) == ()


def test_a_container_without_the_label_of_its_settings_is_recreated():
    labels = {"clusterkit.cluster": "pair", "clusterkit.node": "node1"}
    boxes = [box(PAIR, node(1), labels=labels), box(PAIR, node(2))]

    assert planned(containers=boxes) == (
        removed("node1", "everything changed"),
        *created(PAIR, node(1)),
    )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(old=VALUES, new=VALUES)
def test_a_label_tells_an_environment_from_another_and_from_nothing_else(old, new):
    def label(value):
        one = node(1, container=Container("img", env={"A": json.dumps(value)}))
        return create_arguments(PAIR, one)["labels"][SPEC]

    expected = [] if json.dumps(old) == json.dumps(new) else ["env"]
    assert differing_fields(label(new), label(old)) == expected


def test_a_label_of_a_version_with_other_settings_names_them():
    assert differing_fields('{"a": "1", "b": "2"}', '{"b": "2", "c": "3"}') == ["a", "c"]

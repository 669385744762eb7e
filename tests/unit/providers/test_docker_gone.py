"""Taking it all away, and the stages of up and down."""

from __future__ import annotations

from clusterkit.command import HOST, DockerCall, Step
from clusterkit.model.cluster import Storage
from clusterkit.providers import docker
from clusterkit.providers.docker.gone import Gone
from clusterkit.tasks.base import Change
from tests.unit.pair import node, pair, trust
from tests.unit.providers.engine import (
    PAIR,
    answer,
    box,
    network,
)


def gone(kind, **found) -> tuple[Step, ...]:
    task = Gone(PAIR, kind)
    return task.plan(answer(task, **found)).steps


OTHERS = [{"name": "theirs", "labels": None}, {"name": "clusterkit-x", "labels": {"a": "b"}}]


def test_containers_of_the_cluster_go_and_others_stay():
    boxes = [box(PAIR, node(1)), box(PAIR, node(2), state="exited"), *OTHERS]

    assert gone("containers", containers=boxes) == (
        Step("node1", "remove container pair-node1", DockerCall("remove", "pair-node1"), "-"),
        Step("node2", "remove container pair-node2", DockerCall("remove", "pair-node2"), "-"),
    )


def test_networks_of_the_cluster_go_and_others_stay():
    assert gone("networks", networks=[*OTHERS, network()]) == (
        Step(
            HOST,
            "remove network clusterkit-pair",
            DockerCall("remove-network", "clusterkit-pair"),
            "-",
        ),
    )


def test_volumes_of_the_cluster_go_and_the_lock_stays_with_its_holder():
    ours = {"clusterkit.cluster": "pair"}
    lock = {"name": "clusterkit-pair-lock", "labels": ours | {"clusterkit.lock": "{}"}}
    storage = {"name": "clusterkit-pair-storage", "labels": ours}

    assert gone("volumes", volumes=[*OTHERS, lock, storage]) == (
        Step(
            HOST,
            "remove volume clusterkit-pair-storage",
            DockerCall("remove-volume", "clusterkit-pair-storage"),
            "-",
        ),
    )


def test_what_is_gone_says_so():
    task = Gone(PAIR, "networks")

    assert task.plan(answer(task)) == Change("no networks of pair are left")


def test_a_dry_run_of_down_tells_what_the_inventory_made():
    def operations(cluster):
        return [
            (step.node, str(step.action))
            for stage in docker.down(cluster)
            for task in stage.tasks
            for step in task.plan(None).steps
        ]

    assert operations(PAIR) == [
        ("node1", "docker remove pair-node1"),
        ("node2", "docker remove pair-node2"),
        (HOST, "docker remove-network clusterkit-pair"),
        (HOST, "docker remove-volume clusterkit-pair-storage"),
    ]
    bind = pair(storage=Storage("bind", "/shared", "/srv"))
    assert operations(bind) == operations(PAIR)[:3]


def test_the_stages_of_up_and_down():
    def shape(stages):
        return [
            (stage.name, [(type(task).__name__, task.node) for task in stage.tasks])
            for stage in stages
        ]

    assert shape(docker.up(PAIR, trust(PAIR))) == [
        ("machines", [("Image", HOST), ("Network", HOST), ("Volume", HOST)]),
        ("nodes", [("Containers", HOST)]),
        (
            "trust",
            [
                ("SshdFiles", "node1"),
                ("Files", "node1"),
                ("SshdFiles", "node2"),
                ("Files", "node2"),
            ],
        ),
    ]
    assert shape(docker.down(PAIR)) == [
        ("nodes", [("Gone", HOST)]),
        ("machines", [("Gone", HOST), ("Gone", HOST)]),
    ]


def test_a_folder_of_the_host_is_no_object_to_make_and_is_kept():
    bind = pair(storage=Storage("bind", "/shared", "/srv"))

    assert [type(task).__name__ for task in docker.up(bind, trust(bind))[0].tasks] == [
        "Image",
        "Network",
    ]
    assert docker.kept(bind) == ("/srv",)
    assert docker.kept(PAIR) == ()

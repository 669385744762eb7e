"""Containers are created, started, removed, and left alone."""

from __future__ import annotations

import pytest

from clusterkit.command import HOST, DockerCall, DockerLook, Step
from clusterkit.errors import NotOurs
from clusterkit.providers.docker.containers import Containers
from clusterkit.tasks.base import Change
from tests.unit.pair import node, pair, trust
from tests.unit.providers.engine import (
    PAIR,
    answer,
    box,
    created,
    planned,
    removed,
    restarted,
    right,
)


def test_one_question_asks_for_all_that_the_plan_needs():
    assert Containers(PAIR, trust(PAIR)).probe() == DockerLook(
        "pair",
        ("pair-node1", "pair-node2", "clusterkit-pair-storage"),
        ("clusterkit/node-cpu",),
    )


def test_where_nothing_is_there_every_container_is_created_with_its_keys_and_started():
    task = Containers(PAIR, trust(PAIR))
    steps = (*created(PAIR, PAIR.nodes[0]), *created(PAIR, PAIR.nodes[1]))

    assert task.plan(answer(task)) == Change("2 containers run", steps)
    assert task.plan(None) == Change("2 containers run", steps)


def test_where_all_is_as_it_should_be_nothing_is_done():
    task = Containers(PAIR, trust(PAIR))

    assert task.plan(answer(task, **right(PAIR))) == Change("2 containers run")


def test_one_that_never_ran_is_made_again_as_its_files_may_not_be_in_it():
    boxes = [box(PAIR, node(1)), box(PAIR, node(2), state="created")]

    again = created(PAIR, PAIR.nodes[1])
    assert planned(containers=boxes) == (removed("node2", "it never ran"), *again)


@pytest.mark.parametrize("state", ["exited", "dead"])
def test_a_container_that_does_not_run_is_started(state):
    boxes = [box(PAIR, node(1)), box(PAIR, node(2), state=state)]

    assert planned(containers=boxes) == (
        Step(
            "node2",
            f"start container pair-node2: it is {state}",
            DockerCall("start", "pair-node2"),
        ),
    )


def test_a_paused_container_is_restarted():
    boxes = [box(PAIR, node(1), state="paused"), box(PAIR, node(2))]

    assert planned(containers=boxes) == (restarted("node1", "it is paused"),)


def test_the_container_of_a_node_that_left_the_inventory_is_removed():
    assert planned(containers=[*right(PAIR)["containers"], box(PAIR, node(3))]) == (
        removed("node3", "it is no node of the cluster"),
    )


def test_a_container_of_ours_that_tells_no_node_is_removed_all_the_same():
    lost = box(PAIR, node(3), labels={"clusterkit.cluster": "pair"})

    assert planned(containers=[*right(PAIR)["containers"], lost]) == (
        Step(
            HOST,
            "remove container pair-node3: it is no node of the cluster",
            DockerCall("remove", "pair-node3"),
            "-",
        ),
    )


def test_a_node_that_joins_the_inventory_is_created_and_the_others_stay():
    wanted = pair(nodes=(node(1), node(2), node(3)))

    assert planned(wanted, **right(PAIR)) == created(wanted, node(3))


@pytest.mark.parametrize("labels", [{}, None, {"clusterkit.cluster": "another"}])
def test_a_container_that_is_not_ours_is_never_touched(labels):
    boxes = [box(PAIR, node(1), labels=labels), box(PAIR, node(2), state="exited")]

    with pytest.raises(NotOurs) as caught:
        planned(containers=boxes)

    assert str(caught.value) == (
        "node1: a container named pair-node1 exists that clusterkit did not make. "
        "Fix: rename the cluster, or remove that container yourself"
    )


@pytest.mark.parametrize("labels", [{}, None, {"clusterkit.cluster": "another"}])
def test_a_container_of_another_name_that_is_not_ours_is_left_alone(labels):
    other = box(PAIR, node(9), labels=labels)

    assert planned(containers=[*right(PAIR)["containers"], other]) == ()

from __future__ import annotations

from clusterkit.providers.docker.states import node_states, our_objects
from tests.unit.pair import node, pair


def test_the_state_of_each_container_in_words():
    cluster = pair(nodes=tuple(node(number) for number in range(1, 7)))
    states = {
        "pair-node1": "running",
        "pair-node2": "exited",
        "pair-node3": "created",
        "pair-node4": "paused",
        "pair-node5": "restarting",
        "pair-node9": "running",
    }
    rows = [{"name": name, "state": state} for name, state in states.items()]

    assert node_states(cluster, {"containers": rows}) == {
        "node1": "up",
        "node2": "stopped",
        "node3": "stopped",
        "node4": "paused",
        "node5": "restarting",
        "node6": "missing",
    }


def test_ours_is_what_has_the_label_of_the_cluster():
    def thing(name, cluster):
        return {"name": name, "labels": {"clusterkit.cluster": cluster} if cluster else None}

    answer = {
        "containers": [thing("pair-node1", "pair"), thing("pair-node2", None)],
        "networks": [thing("bridge", None), thing("clusterkit-pair", "pair")],
        "volumes": [thing("clusterkit-other-storage", "other")],
    }
    assert our_objects(pair(), answer) == {"pair-node1", "clusterkit-pair"}

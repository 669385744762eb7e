"""What changes in the inventory changes in the cluster, and nothing else does."""

from __future__ import annotations

from tests.e2e.pair import Pair

ONE, TWO, THREE = ({f"node{number}": {"slots": 2}} for number in (1, 2, 3))


def ids(pair: Pair) -> dict[str, str]:
    mark = {"label": f"clusterkit.cluster={pair.name}"}
    return {each.name: each.id for each in pair.engine.containers.list(all=True, filters=mark)}


def changed(pair: Pair, **parts: object) -> list[str]:
    """What `up` does about an inventory; `plan` must have said the same, and then rest."""
    pair.describe(**parts)
    planned = pair.planned()
    steps = [(step["node"], step["summary"]) for step in pair.up()["steps"]]
    assert sorted(steps) == sorted(planned)
    assert pair.planned() == []
    return sorted({summary.replace(pair.name, "*") for _, summary in steps})


def test_a_node_that_is_added_changed_or_taken_out(pair: Pair):
    before = ids(pair)

    added = changed(pair, nodes=ONE | TWO | THREE)
    three = ids(pair)
    hello = pair.answer("mpi-hello")
    slots = changed(pair, nodes={"node1": {"slots": 3}} | TWO | THREE)
    same = ids(pair)
    hostfile = pair.inside("node3", "cat", f"{pair.home}/hostfile")
    env = {"node2": {"slots": 2, "container": {"env": {"OMP_NUM_THREADS": "2"}}}}
    other = changed(pair, nodes=ONE | env | THREE)
    recreated = ids(pair)
    gone = changed(pair, nodes=ONE | THREE)

    assert [step for step in added if "container" in step] == [
        f"create container *-node3 from {pair.image}",
        "start container *-node3",
    ]
    assert three.items() > before.items()
    places = [(rank["node"], rank["local_rank"]) for rank in hello["ranks"]]
    assert places == [(f"node{node}", local) for node in (1, 2, 3) for local in (0, 1)]
    assert slots == ["rewrite /var/lib/clusterkit/*/hostfile"]
    assert hostfile == "node1 slots=3\nnode2 slots=2\nnode3 slots=2\n"
    assert same == three
    assert "remove container *-node2: env changed" in other
    assert differing(three, recreated) == [f"{pair.name}-node2"]
    assert "remove container *-node2: it is no node of the cluster" in gone
    assert sorted(ids(pair)) == [f"{pair.name}-node1", f"{pair.name}-node3"]
    assert [rank["node"] for rank in pair.answer("mpi-hello")["ranks"]] == [
        "node1",
        "node1",
        "node3",
        "node3",
    ]


def differing(one: dict[str, str], other: dict[str, str]) -> list[str]:
    return sorted(name for name in one if one[name] != other.get(name))


def test_a_network_that_changes_takes_the_containers_along_and_keeps_the_volume(
    pair: Pair, subnet: str
):
    pair.describe()
    pair.up()
    pair.inside("node1", "sh", "-c", "echo kept >/shared/kept")
    pair.subnet = subnet
    pair.describe()

    pair.up()

    assert pair.planned() == []
    assert pair.inside("node2", "cat", "/shared/kept") == "kept\n"
    assert pair.answer("status")["nodes"][0]["address"] == pair.address(1)
    assert pair.answer("mpi-hello")["ok"] is True

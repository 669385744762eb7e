from __future__ import annotations

import pytest

from clusterkit.checks.host_names import check_host_names
from clusterkit.errors import ClusterkitError
from clusterkit.facts import NodeFacts


def facts(**hostnames: str) -> dict[str, NodeFacts]:
    return {
        node: NodeFacts(hostname, 1, 2, 1, "/python", "3.11")
        for node, hostname in hostnames.items()
    }


@pytest.mark.parametrize(
    "nodes",
    [
        facts(gpu01="gpu01"),
        facts(gpu01="gpu01", gpu02="gpu02"),
        facts(a="gpu01", b="gpu02"),
        facts(gpu01="gpu01.example.net", gpu02="gpu02.example.net"),
        facts(a="gpu01", b="c", c="b"),  # only mpirun's own machine matters
    ],
)
def test_names_that_mislead_nobody(nodes: dict[str, NodeFacts]):
    check_host_names(nodes)


@pytest.mark.parametrize(
    ("nodes", "taken", "hostname"),
    [
        (facts(gpu02="gpu01", gpu01="gpu02"), "gpu01", "gpu01"),
        (facts(a="gpu01.example.net", gpu01="gpu02"), "gpu01", "gpu01.example.net"),
        (facts(a="gpu01", localhost="gpu02"), "localhost", "gpu01"),
    ],
)
def test_a_node_that_mpirun_would_take_for_itself_is_named(nodes, taken: str, hostname: str):
    with pytest.raises(ClusterkitError) as caught:
        check_host_names(nodes)

    assert str(caught.value) == (
        f"{taken}: the machine of the head, {next(iter(nodes))}, calls itself {hostname}, and "
        f"mpirun there would take {taken} for itself. "
        f"Fix: give the node {taken} another name, or make it the head"
    )

"""``check`` of machines."""

from __future__ import annotations

from clusterkit.results.check import CheckedNode, CheckResult, EngineSummary
from tests.unit.report.streams import shown, text

MACHINES = CheckResult(
    cluster="lab",
    provider="ssh",
    subnet="10.0.0.0/24",
    storage="/mnt/shared, which the machines share already",
    engine=EngineSummary(name="transformers", model="smollm2-135m", tp=1, pp=2),
    nodes=(
        CheckedNode(name="gpu01", host="gpu01.example.net", address="10.0.0.11", slots=2),
        CheckedNode(name="gpu02", host="ada@gpu02.example.net:2022", address=None, slots=2),
    ),
    slots=4,
)


def test_check_of_machines():
    assert shown(MACHINES) == text("""
        cluster   lab: 2 nodes, 4 slots
        provider  ssh, 10.0.0.0/24
        storage   /mnt/shared, which the machines share already
        engine    transformers: smollm2-135m, tp=1 pp=2, dtype auto

        NODE   HOST                        ADDRESS    SLOTS  GPUS
        gpu01  gpu01.example.net           10.0.0.11      2  -
        gpu02  ada@gpu02.example.net:2022  by subnet      2  -
        """)


def test_check_of_containers_on_machines_shows_their_images():
    nodes = (MACHINES.nodes[0].model_copy(update={"image": "clusterkit/node-cpu"}),)

    assert shown(MACHINES.model_copy(update={"nodes": nodes})).splitlines()[-2:] == [
        "NODE   HOST               ADDRESS    SLOTS  GPUS  IMAGE",
        "gpu01  gpu01.example.net  10.0.0.11      2  -     clusterkit/node-cpu",
    ]

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.checks.doctor import CHECKS
from clusterkit.checks.doctor.finding import Finding
from clusterkit.model.cluster import Container
from tests.unit.checks.doctor.wells import (
    NAMES,
    WELL,
    facts,
    gpu,
    with_facts,
    with_gpus,
    with_machine,
)

CASES = {
    "another major version": (
        "mpi-version",
        with_facts("node2", mpi_version="4.1.8"),
        [
            (
                "fail",
                ("node2",),
                "Open MPI 4.1.8 on node2, but Open MPI 5.0.11 on node[1,3]",
                "give all nodes the same image, or install one version of Open MPI",
            )
        ],
    ),
    "another minor version": (
        "mpi-version",
        with_facts("node1", mpi_version="5.0.10"),
        [
            (
                "warn",
                ("node1",),
                "Open MPI 5.0.10 on node1, but Open MPI 5.0.11 on node[2-3]",
                "give all nodes the same image, or install one version of Open MPI",
            )
        ],
    ),
    "no MPI": (
        "mpi-version",
        with_facts("node3", mpirun=None, mpi_version=None),
        [
            (
                "fail",
                ("node3",),
                "no Open MPI",
                "install Open MPI 4.1 or 5, or use an image that has it",
            ),
            ("pass", ("node1", "node2"), "Open MPI 5.0.11", None),
        ],
    ),
    "another MPI on PATH": (
        "mpi-on-path",
        with_machine(
            "node2", mpi_on_path={"mpirun": "/usr/bin/mpirun", "prted": "/opt/venv/bin/prted"}
        ),
        [
            (
                "warn",
                ("node2",),
                "/usr/bin/mpirun; jobs use /opt/venv/bin/mpirun",
                "put the folder of the right one first on PATH in ~/.bashrc, above what ends it "
                "there",
            ),
            ("pass", ("node1", "node3"), "none; jobs use /opt/venv/bin/mpirun", None),
        ],
    ),
    "another architecture": (
        "architecture",
        with_machine("node3", architecture="aarch64"),
        [
            (
                "fail",
                ("node3",),
                "aarch64 on node3, but x86_64 on node[1-2]",
                "take the nodes of one architecture for one cluster",
            )
        ],
    ),
    "another torch": (
        "packages",
        with_facts("node2", packages={"torch": "2.12.0", "transformers": "5.20.2"}),
        [
            (
                "fail",
                ("node2",),
                "torch 2.12.0 on node2, but torch 2.13.0 on node[1,3]",
                "give all nodes the same image, or install one version of it",
            )
        ],
    ),
    "another GPU": (
        "gpus",
        replace(
            with_gpus(),
            machines={
                **with_gpus().machines,
                "node2": replace(WELL.machines["node2"], gpus=(gpu(0, "H100"), gpu(1, "H100"))),
            },
        ),
        [
            (
                "fail",
                ("node2",),
                "H100 on node2, but H200 on node[1,3]",
                "take nodes with one kind of GPU for one cluster, or name the GPUs in `gpus`",
            )
        ],
    ),
    "a GPU that is not there": (
        "slots",
        replace(
            with_gpus(),
            facts={**with_gpus().facts, "node3": replace(facts(3), gpus=(gpu(0),))},
        ),
        [
            (
                "fail",
                ("node3",),
                "GPU 1 asked for, but nvidia-smi shows 0",
                "correct `gpus` in the inventory, or look why nvidia-smi does not show it",
            ),
            ("pass", ("node1", "node2"), "2 slots, 2 GPUs", None),
        ],
    ),
    "ranks share GPUs": (
        "slots",
        with_gpus(slots=4),
        [
            (
                "warn",
                NAMES,
                "4 slots, 2 GPUs",
                "set `slots` to the number of GPUs: ranks that share one divide its memory",
            )
        ],
    ),
    "more ranks than cores": (
        "slots",
        with_facts("node2", cores=1),
        [
            ("warn", ("node2",), "2 slots, 1 cores", "set `slots` to at most the number of cores"),
            ("pass", ("node1", "node3"), "2 slots, 0 GPUs", None),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_check_finds(case: str):
    check, seen, expected = CASES[case]

    assert CHECKS[check].find(seen) == [Finding(*row) for row in expected]


def test_images_are_compared_where_the_inventory_names_the_same():
    nodes = tuple(
        replace(each, container=Container("a:1" if each.name != "node3" else "b:1"))
        for each in WELL.nodes
    )
    images = {"node1": f"sha256:{'1' * 64}", "node2": f"sha256:{'2' * 64}", "node3": "sha256:33"}
    found = CHECKS["image"].find(replace(WELL, nodes=nodes, images=images))

    assert [(each.state, each.nodes, each.seen) for each in found] == [
        ("fail", ("node2",), f"sha256:{'2' * 12} on node2, but sha256:{'1' * 12} on node1"),
        ("pass", ("node3",), "sha256:33"),
    ]

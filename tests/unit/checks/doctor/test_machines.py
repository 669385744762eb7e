from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusterkit.checks.doctor import CHECKS
from clusterkit.facts import Docker
from tests.unit.checks.doctor.wells import (
    WELL,
    gpu,
)


@pytest.mark.parametrize(
    ("docker", "seen", "fix"),
    [
        (
            None,
            "Docker is not installed",
            "sudo apt-get update && sudo apt-get install -y ca-cert",
        ),
        (
            Docker("28.0", problem="permission denied while trying to connect"),
            "the engine does not answer ubuntu: permission denied while trying to connect",
            "sudo usermod -aG docker ubuntu   # then log in again",
        ),
        (
            Docker("28.0", problem="Cannot connect to the Docker daemon"),
            "the engine does not answer ubuntu: Cannot connect to the Docker daemon",
            "sudo systemctl enable --now docker",
        ),
    ],
)
def test_docker_on_the_machines_of_containers(docker: Docker | None, seen: str, fix: str):
    hosts = {**WELL.machines, "node2": replace(WELL.machines["node2"], docker=docker)}
    found = CHECKS["docker-engine"].find(replace(WELL, hosts=hosts))

    assert [(each.state, each.nodes, each.seen) for each in found] == [
        ("fail", ("node2",), seen),
        ("pass", ("node1", "node3"), "Docker 28.0"),
    ]
    assert str(found[0].fix).startswith(fix)


NVIDIA = Docker("28.0", "28.0", has_nvidia_runtime=True)


@pytest.mark.parametrize(
    ("changes", "state", "seen", "fix"),
    [
        ({"gpus": (gpu(0),), "docker": NVIDIA}, "pass", "toolkit (version unknown)", None),
        ({"gpus_on_bus": 2}, "fail", "a GPU on the PCI bus, and no driver", "install the NVIDIA"),
        (
            {"gpus": (gpu(0),), "nvidia_container_toolkit": "1.17.8"},
            "fail",
            "Docker does not know the NVIDIA runtime",
            "sudo nvidia-ctk runtime configure --runtime=docker\nsudo systemctl restart docker",
        ),
        (
            {"gpus": (gpu(0),)},
            "fail",
            "the NVIDIA Container Toolkit is not installed",
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends ca-cert",
        ),
    ],
)
def test_nvidia_in_containers(changes: dict[str, Any], state: str, seen: str, fix: str | None):
    hosts = {**WELL.machines, "node2": replace(WELL.machines["node2"], **changes)}
    (found,) = CHECKS["nvidia-toolkit"].find(replace(WELL, hosts=hosts))

    assert (found.state, found.nodes, found.seen[: len(seen)]) == (state, ("node2",), seen)
    assert (found.fix or "")[: len(fix or "")] == (fix or "")

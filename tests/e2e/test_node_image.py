"""An inventory that says how its image is built needs no image beforehand."""

from __future__ import annotations

import json
from pathlib import Path

import docker

from tests.e2e.controller import REPOSITORY, Controller


def test_up_builds_the_image_that_is_missing(
    clusterkit: Controller,
    cluster_name: str,
    subnet: str,
    base_image: str,
    mpi_image: str,
    docker_host: docker.DockerClient,
    tmp_path: Path,
) -> None:
    image, file = f"{cluster_name}/node:test", tmp_path / "built.yaml"
    build = {
        "context": str(REPOSITORY),
        "dockerfile": "images/node.Dockerfile",
        "args": {"BASE": base_image, "ENGINE": "none"},
        "network": "host",
    }
    inventory = {
        "cluster": cluster_name,
        "provider": "docker",
        "nodes": {"node[1-2]": {"slots": 1}},
        "network": {"subnet": subnet},
        "container": {"image": image, "build": build},
    }
    file.write_text(json.dumps(inventory))
    try:
        first = clusterkit("up", file, "--yes", "-o", "json", timeout_s=400)
        second = clusterkit("up", file, "--yes", "-o", "json")
        hello = clusterkit("mpi-hello")

        assert first.returncode == 0, first.stderr
        dockerfile = REPOSITORY / "images" / "node.Dockerfile"
        assert json.loads(first.stdout)["steps"][0]["summary"] == (
            f"build image {image} from {dockerfile}"
        )
        assert json.loads(second.stdout)["changes"] == 0
        assert hello.returncode == 0, hello.stderr
    finally:
        clusterkit("down", "--yes")
        docker_host.images.remove(image)


def test_a_build_that_fails_shows_its_last_lines(
    clusterkit: Controller, cluster_name: str, subnet: str, base_image: str, tmp_path: Path
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {base_image}\nRUN echo so far && false\n")
    file = tmp_path / "broken.yaml"
    inventory = {
        "cluster": cluster_name,
        "provider": "docker",
        "nodes": {"node1": {"slots": 1}},
        "network": {"subnet": subnet},
        "container": {
            "image": f"{cluster_name}/broken:test",
            "build": {"context": ".", "dockerfile": "Dockerfile"},
        },
    }
    file.write_text(json.dumps(inventory))

    up = clusterkit("up", file, "--yes")

    assert up.returncode == 1
    assert "so far" in up.stderr
    assert "Fix: " in up.stderr
    assert not (clusterkit.home / "clusters" / cluster_name).exists()

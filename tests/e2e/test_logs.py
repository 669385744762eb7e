"""What `logs` says of a job whose ranks were silent."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.controller import Controller


def test_a_job_that_wrote_nothing_is_said(
    clusterkit: Controller, cluster_name: str, tmp_path: Path
) -> None:
    inventory = tmp_path / "local.yaml"
    inventory.write_text(
        f"cluster: {cluster_name}\nprovider: local\nnodes: {{localhost: {{slots: 1}}}}\n"
        f"storage: {{kind: local, path: {tmp_path / 'models'}}}\n"
    )
    assert clusterkit("up", inventory, "--yes").returncode == 0
    assert clusterkit("mpi-hello").returncode == 0
    (job,) = json.loads(clusterkit("jobs", "-o", "json").stdout)["jobs"]

    said = {words: clusterkit("logs", *words) for words in ((), ("--follow",), ("--rank", "0"))}

    silence = f"{job['id']} wrote nothing to stdout or stderr.\n"
    assert {
        words: (done.returncode, done.stdout, done.stderr) for words, done in said.items()
    } == {
        (): (0, "", f"Job {silence}"),
        ("--follow",): (0, "", f"Job {silence}"),
        ("--rank", "0"): (0, "", f"Rank 0 of job {silence}"),
    }
    answer = clusterkit("logs", "-o", "json")
    assert (json.loads(answer.stdout), answer.stderr) == ({"job": job["id"], "lines": []}, "")

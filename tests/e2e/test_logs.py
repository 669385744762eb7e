"""What `logs` says of a job whose ranks were silent, and of what there is not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.controller import Controller


def test_a_job_that_wrote_nothing_is_said_and_what_is_not_there_is_refused(
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
    refused = {words: clusterkit("logs", *words) for words in (("--rank", "1"), ("nosuch",))}
    assert {words: (done.returncode, done.stderr) for words, done in refused.items()} == {
        ("--rank", "1"): (2, f"Error: job {job['id']} has no rank 1.\nFix: its only one is 0\n"),
        ("nosuch",): (
            2,
            f"Error: no job nosuch on this cluster.\nFix: use one of these: {job['id']}\n",
        ),
    }

    (logs,) = clusterkit.home.glob("clusters/*/node/jobs/*/logs")
    (logs / "rank-0.out").write_text("hello\n")
    shown = [clusterkit("logs", *words).stdout for words in ((), ("-f",), ("-f", "--rank", "0"))]
    assert shown == ["hello\n", "rank 0   | hello\n", "hello\n"]

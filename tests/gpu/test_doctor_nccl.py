"""The doctor's all-reduce on real GPUs: the sum, the bandwidth, and what carried it.

One GPU is enough for the sum and for NCCL's own words; two show a path between GPUs.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clusterkit.checks.doctor import nccl
from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import JobSeen, Seen
from clusterkit.model.cluster import Cluster, Node, Storage
from clusterkit.model.engine import EngineSettings
from clusterkit.payloads import __main__ as payloads
from tests.e2e.controller import Controller, new_cluster_name

pytestmark = pytest.mark.gpu

PAYLOADS = str(Path(str(payloads.__file__)).parent)


@pytest.fixture(scope="module")
def gpus() -> int:
    if shutil.which("nvidia-smi") is None:
        pytest.skip("this machine has no NVIDIA GPU")
    listed = subprocess.run(["nvidia-smi", "--list-gpus"], capture_output=True, text=True)
    return len(listed.stdout.splitlines())


def all_reduce(folder: Path, ranks: int) -> JobSeen:
    """Run the payload as the job's agents do, with one rank for each GPU."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    started = []
    for rank in range(ranks):
        events = folder / f"events-{rank}"
        with events.open("w") as answers:
            fd = answers.fileno()
            env = os.environ | {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(ranks),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "CLUSTERKIT_EVENTS_FD": str(fd),
            }
            argv = [sys.executable, PAYLOADS, "nccl_allreduce"]
            started.append(subprocess.Popen(argv, env=env, cwd=folder, pass_fds=[fd]))
    assert [process.wait(300) for process in started] == [0] * ranks
    answers = [json.loads((folder / f"events-{rank}").read_text()) for rank in range(ranks)]
    return JobSeen(ranks, tuple(answers))


def seen(job: JobSeen) -> Seen:
    node = Node("node1", slots=job.ranks, gpus=tuple(range(job.ranks)))
    cluster = Cluster("here", "local", (node,), Storage("local", "/x"), EngineSettings())
    return Seen(cluster, (node,), nccl=job)


def test_the_sum_is_right_and_the_bandwidth_is_that_of_memory(tmp_path: Path, gpus: int):
    job = all_reduce(tmp_path, ranks=gpus)

    answer: dict[str, Any] = dict(job.answers[0])
    sys.stdout.write(f"{answer['device']}: {answer['bytes'] / answer['took_s'] / 1e9:.0f} GB/s\n")
    sys.stdout.write("\n".join(answer["lines"]) + "\n")
    assert [each["is_right"] for each in job.answers] == [True] * gpus
    assert any("NCCL version" in line for line in answer["lines"])
    assert any("Using network" in line for line in answer["lines"])
    (found,) = nccl.find(seen(job))
    sys.stdout.write(found.seen + "\n")
    assert isinstance(found, Finding)
    assert (found.state, found.nodes) == ("pass", ("node1",))
    assert bool(nccl.used_paths(answer["lines"])) is True


def test_a_cluster_of_this_machine_passes(tmp_path: Path, gpus: int):
    pytest.importorskip("mpi4py")
    name = new_cluster_name()
    file = tmp_path / "here.yaml"
    file.write_text(
        f"cluster: {name}\nprovider: local\n"
        f"nodes:\n  node1: {{slots: {gpus}, gpus: {list(range(gpus))}}}\n"
    )
    controller = Controller(tmp_path / "home", clusters={name})
    try:
        up = controller("up", file, "--yes")
        assert up.returncode == 0, up.stderr
        done = controller("doctor", "--gate", "-o", "json", timeout_s=300)
        lines = {line["check"]: line for line in json.loads(done.stdout)["lines"]}
        sys.stdout.write(f"{lines['gpus']['seen']}\n{lines['nccl']['seen']}\n")
        assert done.returncode == 0, done.stdout
        assert {check: lines[check]["state"] for check in ("gpus", "slots", "ring", "nccl")} == {
            "gpus": "pass",
            "slots": "pass",
            "ring": "pass",
            "nccl": "pass",
        }
    finally:
        controller.close()

"""`run` on two GPUs: each rank takes its own, and NCCL adds up over both, by either launcher."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.controller import Controller, new_cluster_name
from tests.gpu.gpus import first_two

pytestmark = pytest.mark.gpu

SCRIPT = """\
import json, os, time
import torch
import torch.distributed as dist

torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
dist.init_process_group("nccl")
ones = torch.ones(64 << 20, device="cuda")
for _ in range(5):
    dist.all_reduce(ones.clone())
torch.cuda.synchronize()
began = time.perf_counter()
for _ in range(20):
    dist.all_reduce(added := ones.clone())
torch.cuda.synchronize()
took_s = (time.perf_counter() - began) / 20
uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
answer = {"rank": dist.get_rank(), "sum": added[0].item(), "uuid": uuid, "took_s": took_s}
print(json.dumps(answer), flush=True)
dist.destroy_process_group()
"""


@pytest.fixture(scope="module", autouse=True)
def two_gpus() -> list[str]:
    return first_two()


@pytest.fixture(scope="module")
def clusterkit(
    two_gpus: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Controller]:
    """A cluster of this machine with a slot for each of two GPUs, up."""
    folder = tmp_path_factory.mktemp("cluster")
    name = new_cluster_name()
    inventory = folder / "gpus.yaml"
    nodes = "nodes:\n  node1: {slots: 2, gpus: [0, 1]}\n"
    inventory.write_text(f"cluster: {name}\nprovider: local\n{nodes}")
    controller = Controller(folder, clusters={name})
    try:
        up = controller("up", inventory, "--yes")
        assert up.returncode == 0, up.stderr
        yield controller
    finally:
        controller.close()


@pytest.mark.parametrize("launcher", ["mpirun", "torchrun"])
def test_nccl_adds_up_over_both_gpus(
    clusterkit: Controller, two_gpus: list[str], tmp_path: Path, launcher: str
) -> None:
    script = tmp_path / "add.py"
    script.write_text(SCRIPT)

    done = clusterkit("run", "--launcher", launcher, "-o", "json", script, timeout_s=300)

    assert done.returncode == 0, done.stderr
    sys.stdout.write(done.stdout)  # shown with -s
    ranks = json.loads(done.stdout)["ranks"]
    answers = [json.loads(rank["stdout"].splitlines()[-1]) for rank in ranks]
    assert [(each["rank"], each["sum"]) for each in answers] == [(0, 2.0), (1, 2.0)]
    assert [f"GPU-{each['uuid']}" for each in answers] == two_gpus

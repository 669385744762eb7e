"""How each rank's tritonserver is started: whole lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from clusterkit.engines.request import GenerateRequest
from clusterkit.engines.serving import Listening
from clusterkit.engines.triton import Triton
from clusterkit.errors import DoesNotFit, UsageError
from clusterkit.jobs.job import RSH, Job, JobNode
from clusterkit.launchers.mpirun import Mpirun
from clusterkit.model.triton import TritonSettings
from clusterkit.placement import Placement, Rank

HEAD = Listening("10.0.0.1", 8000, "10.0.0.1", {"node1": "10.0.0.1", "node2": "10.0.0.2"})
TWO = Placement((Rank(0, "node1", 0), Rank(1, "node2", 0)))
COMMON = (
    "/opt/tritonserver/bin/tritonserver",
    "--id={prefix}",
    "--model-repository={repository}",
    "--disable-auto-complete-config",
    "--backend-config=python,shm-region-prefix-name={prefix}",
)


def engine(**changed: Any) -> Triton:
    given = {"name": "triton", "model": "/engines/llama", "tp": 2}
    return Triton(TritonSettings.model_validate(given | changed))


@pytest.mark.parametrize(
    ("changed", "listening", "common", "leader"),
    [
        (
            {},
            HEAD,
            COMMON,
            ["--http-address=10.0.0.1", "--http-port=8000", "--grpc-address=10.0.0.1",
             "--grpc-port=8001", "--metrics-port=8002"],
        ),
        (
            {"grpc_port": 9001, "metrics_port": 9002, "server": "/triton/tritonserver",
             "server_flags": ["--log-verbose=1"]},
            Listening("0.0.0.0", 9000, "10.0.0.1"),  # noqa: S104
            ("/triton/tritonserver", *COMMON[1:], "--log-verbose=1"),
            ["--http-address=0.0.0.0", "--http-port=9000", "--grpc-address=0.0.0.0",
             "--grpc-port=9001", "--metrics-port=9002"],
        ),
    ],
)  # fmt: skip
def test_whole_lines(
    changed: dict[str, Any], listening: Listening, common: tuple[str, ...], leader: list[str]
) -> None:
    program = engine(**changed).serve("python3", "/payloads", "/engines/llama", TWO, listening)

    assert program.argv == (
        *("python3", "/payloads", "triton_serve", *common),
        *("--on-rank-0", *leader),
        "--on-other-ranks",
        "--model-control-mode=explicit",
        "--load-model=tensorrt_llm",
        "--allow-http=false",
        "--allow-grpc=false",
        "--allow-metrics=false",
    )


def test_rank_0_knows_whom_to_ask() -> None:
    program = engine().serve("python3", "/payloads", "/engines/llama", TWO, HEAD)
    order = json.loads(program.files["input.json"])
    order = {name: order[name] for name in ("url", "grpc", "others", "ports", "served")}
    assert order == {
        "url": "http://10.0.0.1:8000",
        "grpc": "10.0.0.1:8001",
        "others": {"node2": "10.0.0.2"},
        "ports": [8000, 8001, 8002],
        "served": "ensemble",
    }


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {
                "server_flags": [
                    "--http-port=1",
                    "--backend-config=python,shm-region-prefix-name=a",
                ]
            },
            "engine.server_flags: `--http-port` is set by clusterkit. Fix: leave it out\n"
            "engine.server_flags: `--backend-config` is set by clusterkit. Fix: leave it out",
        ),
        (
            {"grpc_port": 8000},
            "two of `--port` 8000, engine.grpc_port 8000, engine.metrics_port 8002 are the same "
            "port. Fix: three different ones",
        ),
    ],
)
def test_what_cannot_be_meant(changed: dict[str, Any], problem: str) -> None:
    with pytest.raises(DoesNotFit) as refused:
        engine(**changed).serve("python3", "/payloads", "/engines/llama", TWO, HEAD)
    assert str(refused.value) == problem


def test_a_name_is_no_place_to_listen() -> None:
    with pytest.raises(DoesNotFit) as refused:
        engine().serve("python3", "/payloads", "/engine", TWO, Listening("localhost", 8000, "a"))
    assert str(refused.value) == "`--host localhost` is no address. Fix: one such as 127.0.0.1"


def test_a_request_goes_to_the_server_that_runs() -> None:
    request = GenerateRequest(prompts=("hi", "there"), max_tokens=4, seed=7)
    program = engine().program("python3", "/payloads", "/jobs/serve-1/run", request, TWO)
    assert program.argv == ("python3", "/payloads", "triton_infer")
    assert json.loads(program.files["input.json"]) == {
        "version": 1,
        "server": "/jobs/serve-1/run/server.json",
        "model": "ensemble",
        "prompts": ["hi", "there"],
        "max_tokens": 4,
        "temperature": 0.0,
        "top_p": 1.0,
        "seed": 7,
    }


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"system": "be brief"},
            "Triton gets the prompt as it is: there is no chat template. Fix: leave out "
            "`--system`, or write it into the prompt",
        ),
        ({"logits": 3}, "Triton's models give no logits. Fix: leave out `--logits`"),
    ],
)
def test_what_triton_cannot_be_asked(changed: dict[str, Any], problem: str) -> None:
    request = GenerateRequest(prompts=("hi",), **changed)
    with pytest.raises(UsageError) as refused:
        engine().program("python3", "/payloads", "/jobs/serve-1/run", request, TWO)
    assert str(refused.value) == problem


@pytest.mark.parametrize("version", ["4.1.8", "5.0.11"])
def test_no_option_of_mpirun_is_for_one_context_only(version: str) -> None:
    """Open MPI 4 would give `-x` to the first context alone: ranks get theirs from the agents."""
    nodes = tuple(
        JobNode(f"node{number}", f"10.0.0.{number}", "python3", "/payloads", "/home")
        for number in (1, 2)
    )
    ranks = (Rank(0, "node1", 0, 0), Rank(1, "node1", 1, 1), Rank(2, "node2", 0, 0))
    placement = Placement(ranks)
    program = engine(tp=3).serve("python3", "/payloads", "/engines/llama", placement, HEAD)
    launch = Mpirun("mpirun", version, subnet="10.0.0.0/24").command(placement, ("rank",), rsh=RSH)
    job = Job("serve-1", "serve", "pair", nodes, placement, program, launch)

    runtime = {
        "4.1.8": "--mca plm_rsh_agent clusterkit-rsh --mca plm_rsh_no_tree_spawn 1 "
        "--mca oob_tcp_if_include 10.0.0.0/24",
        "5.0.11": "--prtemca plm_ssh_agent clusterkit-rsh --prtemca plm_ssh_no_tree_spawn 1 "
        "--prtemca prte_if_include 10.0.0.0/24",
    }[version]
    shared = {"4.1.8": "vader", "5.0.11": "sm"}[version]
    assert str(launch) == (
        f"mpirun --bind-to none --leave-session-attached {runtime} "
        f"--mca btl_tcp_if_include 10.0.0.0/24 --mca pml ob1 --mca btl self,{shared},tcp "
        "-np 2 -H node1:2 rank : -np 1 -H node2:1 rank"
    )
    common = {
        "WORLD_SIZE": "3",
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "FORCE_NCCL_ALL_REDUCE_STRATEGY": "1",
    }
    assert [job.rank_env(rank) for rank in ranks] == [
        common
        | {
            "RANK": str(rank.rank),
            "LOCAL_RANK": str(rank.local_rank),
            "LOCAL_WORLD_SIZE": "2" if rank.node == "node1" else "1",
            "CUDA_VISIBLE_DEVICES": "0,1" if rank.node == "node1" else "0",
        }
        for rank in ranks
    ]

"""A real tritonserver on each of two nodes, with a model of Python in TensorRT-LLM's place."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
import yaml

from tests.e2e.controller import REPOSITORY, Done
from tests.e2e.model_folders import llama_70b_folder
from tests.e2e.pair import NOTHING, Pair
from tests.e2e.running_job import within
from tests.e2e.tensorrt_llm_image import tensorrt_llm_image
from tests.e2e.test_serve import first_object
from tests.e2e.vendor_pair import Vendor
from tests.stand_ins.triton_templates import write_templates

LIBRARIES = "/usr/local/tensorrt/lib:/usr/local/cuda/lib64:/opt/tritonserver/libs"


@dataclass
class Triton:
    """Two nodes that share an engine, its tokenizer and the templates of a release."""

    pair: Pair
    shared: Path

    def up(
        self, version: str, *, slots: tuple[int, int] = (1, 1), tp: int = 2, **engine: Any
    ) -> None:
        write_templates(self.shared / "templates", version)
        mapping = {"tp_size": tp, "pp_size": 1, "gpus_per_node": 8}
        config = {"version": version, "pretrained_config": {"mapping": mapping}}
        (self.shared / "engine/config.json").write_text(json.dumps(config))
        for rank in range(tp):
            (self.shared / f"engine/rank{rank}.engine").touch()
        settings = {
            "name": "triton",
            "model": "/shared/engine",
            "templates": "/shared/templates",
            "version": version,
            "backend": "python",
            "tp": tp,
        }
        self.pair.describe(
            nodes={f"node{number}": {"slots": count} for number, count in enumerate(slots, 1)},
            container={"image": self.pair.image, "shm_size": "512m"},
            storage={"kind": "bind", "source": str(self.shared), "path": "/shared"},
            engine=settings | engine,
        )
        self.pair.up()

    def serve(self, *words: object) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        """Serve until it is ready; what it printed then."""
        process = self.pair.controller.start("serve", "-o", "json", *words)
        return process, first_object(process)

    def refused(self, *words: object) -> str:
        """What serving says that does not work, in one line."""
        done: Done = self.pair("serve", *words)
        assert (done.returncode, done.stdout) in ((1, ""), (2, "")), done.stdout + done.stderr
        return " ".join(done.stderr.split())

    def inside(self, node: str, script: str) -> str:
        return self.pair.inside(node, "sh", "-c", script).strip()

    def listening(self, node: str) -> list[int]:
        """The ports above those of the system on which somebody listens on a node."""
        rows = self.inside(node, "cat /proc/net/tcp /proc/net/tcp6").splitlines()
        fields = [row.split() for row in rows]
        ports = {int(each[1].rpartition(":")[2], 16) for each in fields if each[3] == "0A"}
        return sorted(port for port in ports if 1024 < port < 10000)

    def nothing_is_left(self) -> None:
        """No process, port or region of shared memory."""
        for node in ("node1", "node2"):
            assert self.inside(node, "ls /dev/shm; pgrep -a triton; :") == ""
            assert self.listening(node) == []


@pytest.fixture
def triton(described: Pair, triton_node: str, tmp_path: Path) -> Iterator[Triton]:
    described.image = triton_node
    shared = tmp_path / "shared"
    (shared / "engine/tokenizer").mkdir(parents=True)
    (shared / "engine/tokenizer/tokenizer.json").write_text("{}")
    yield Triton(described, shared)
    described.controller.close()
    shutil.rmtree(shared)


@pytest.mark.parametrize(("version", "decoupled"), [("0.5.0", True), ("0.16.0", False)])
def test_serve_infer_and_stop(triton: Triton, version: str, decoupled: bool):
    triton.up(version, decoupled=decoupled)

    process, ready = triton.serve()
    asked = triton.pair.answer("infer", "--prompt", "first", "--prompt", "the 2nd")
    streamed = triton.pair("infer", "--prompt", "one more", "--max-tokens", 4)
    running = triton.pair.answer("status")["jobs_running"]
    logs = triton.pair("logs", ready["job"], "--rank", 1).stdout
    shm = triton.inside("node1", "ls /dev/shm")
    ports = [triton.listening("node1"), triton.listening("node2")]
    triton.pair.answer("stop", ready["job"])
    _, said = process.communicate(timeout=30)

    head = triton.pair.address(1)
    assert (ready["url"], ready["grpc"]) == (f"http://{head}:8000", f"{head}:8001")
    assert ready["answer"] == "si ecnar"  # eight bytes of its question, from behind
    assert [answer["text"] for answer in asked["answers"]] == ["tsrif", "dn2 eht"]
    assert (asked["answers"][0]["token_s"] is not None) == decoupled  # it came in parts
    assert asked["versions"]["triton"] == "2.51.0"
    assert streamed.stdout == "erom\n"
    assert running == [ready["job"]]
    assert "loading: tensorrt_llm" in logs
    assert f"clusterkit-{ready['job']}-0-" in shm
    assert ports == [[8000, 8001, 8002], []]
    assert process.returncode == 1
    assert "stopped from elsewhere" in said
    triton.nothing_is_left()


@pytest.mark.parametrize("gpus", [(0, 1), (0, 1, 0)], ids=["one-node", "two-and-one"])
def test_ranks_that_share_a_node(triton: Triton, gpus: tuple[int, ...]):
    """Each has shared memory of its own, and takes a GPU of its own."""
    triton.up("0.16.0", slots=(2, 1), tp=len(gpus))

    process, ready = triton.serve()
    answer = triton.pair.answer("infer", "--prompt", "abc")["answers"][0]["text"]
    shm = [triton.inside(node, "ls /dev/shm") for node in ("node1", "node2")]
    ports = [triton.listening(node) for node in ("node1", "node2")]
    logs = [triton.pair("logs", ready["job"], "--rank", rank).stdout for rank in range(len(gpus))]
    triton.pair.answer("stop", ready["job"])
    process.communicate(timeout=30)

    assert answer == "cba"
    assert ports == [[8000, 8001, 8002], []]
    for rank, gpu in enumerate(gpus):
        assert f"rank {rank} takes GPU {gpu}" in logs[rank]
        assert f"clusterkit-{ready['job']}-{rank}-" in shm[rank // 2]
    triton.nothing_is_left()


def test_detached_it_runs_on_until_it_is_stopped(triton: Triton):
    triton.up("0.16.0")

    ready = triton.pair.answer("serve", "--detach")
    answer = triton.pair.answer("infer", "--prompt", "abc")["answers"][0]["text"]
    running = triton.pair.answer("status")["jobs_running"]
    (row, *_) = [each for each in triton.pair.answer("jobs")["jobs"] if each["verb"] == "serve"]
    logs = triton.pair("logs", ready["job"], "--rank", 1).stdout
    stopped = triton.pair.answer("stop")

    assert (ready["detached"], ready["answer"]) == (True, "si ecnar")
    assert answer == "cba"
    assert running == [ready["job"]]
    assert (row["id"], row["state"]) == (ready["job"], "running")
    assert "loading: tensorrt_llm" in logs
    assert (stopped["job"], stopped["was_running"], stopped["left"]) == (ready["job"], True, [])
    triton.nothing_is_left()


def test_ctrl_c_leaves_nothing(triton: Triton):
    triton.up("0.12.0")
    triton.inside("node2", "touch /dev/shm/prefix0_of_somebody")
    process, _ = triton.serve("--host", "0.0.0.0")  # noqa: S104
    answer = triton.pair.answer("infer", "--prompt", "abc")["answers"][0]["text"]

    process.send_signal(signal.SIGINT)

    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert answer == "cba"
    told = "Note: node2: a server that was killed left 1 region of shared memory: "
    left = "/dev/shm/prefix0_of_somebody. Fix: remove them"  # noqa: S108
    assert told + left in " ".join(said.split())
    triton.inside("node2", "rm /dev/shm/prefix0_of_somebody")
    triton.nothing_is_left()


@pytest.mark.parametrize(("node", "port"), [("node1", 8001), ("node2", 8002)])
def test_a_port_that_is_taken_is_found_on_every_node(triton: Triton, node: str, port: int):
    triton.up("0.16.0")
    listen = f"import socket, time; s = socket.create_server(('', {port})); time.sleep(600)"
    triton.pair.container(node).exec_run(["python3", "-c", listen], detach=True)
    within(10, lambda: port in triton.listening(node))

    said = triton.refused()

    name = {8001: "engine.grpc_port", 8002: "engine.metrics_port"}[port]
    assert f"{node}: port {port} is taken. Fix: end what listens there, or another {name}" in said
    assert triton.pair.answer("jobs")["jobs"] == []  # nothing was started


def test_a_second_server_is_told_of_the_first(triton: Triton):
    triton.up("0.16.0")
    process, ready = triton.serve()

    said = triton.refused()

    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert "node1: port 8000 is taken (tritonserver, pid" in said
    assert f"of job {ready['job']})" in said


def test_of_two_that_start_at_once_one_serves(triton: Triton):
    """Both have looked before either listens; no answer of one is taken for the other's."""
    triton.up("0.16.0")

    both = [triton.pair.controller.start("serve", "-o", "json") for _ in range(2)]
    within(60, lambda: any(process.poll() is not None for process in both))
    loser, winner = sorted(both, key=lambda process: process.poll() is None)
    out, said = loser.communicate(timeout=10)
    ready = first_object(winner)
    winner.send_signal(signal.SIGINT)

    assert (loser.returncode, out) == (1, "")
    assert "is taken" in " ".join(said.split())
    assert ready["answer"] == "si ecnar"
    assert winner.wait(60) == 130
    triton.nothing_is_left()


def test_a_placeholder_that_nobody_fills(triton: Triton):
    triton.up("0.16.0")
    config = triton.shared / "templates/tensorrt_llm/config.pbtxt"
    config.write_text(config.read_text().replace("KIND_CPU", "${kind}"))

    said = triton.refused()

    assert "node2: /shared/templates: tensorrt_llm/config.pbtxt:" in said
    assert "nobody fills ${kind}. Fix: engine.parameters: {kind: …}" in said
    assert triton.pair.answer("jobs")["jobs"] == []


def test_ranks_that_do_not_work_together_are_found(triton: Triton):
    """Each would serve a part of the engine, and nobody would notice."""
    triton.up("0.16.0")
    (triton.shared / "engine/rank1-does-not-block").touch()

    said = triton.refused()

    assert "node2: rank 1 loaded tensorrt_llm and went on: it does not work for rank 0" in said
    triton.nothing_is_left()


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_a_server_that_is_killed_ends_all(triton: Triton, node: str):
    triton.up("0.16.0")
    process, ready = triton.serve()

    triton.inside(node, "pkill -9 -x tritonserver")

    _, said = process.communicate(timeout=60)
    rank = {"node1": 0, "node2": 1}[node]
    assert process.returncode == 1
    assert f"job {ready['job']}: rank {rank} on {node} was ended by SIGKILL" in said
    triton.nothing_is_left()


def test_a_server_that_dies_while_it_loads(triton: Triton):
    triton.up("0.16.0")
    (triton.shared / "engine/dies").touch()

    said = triton.refused()

    assert "was ended by SIGKILL" in said
    triton.nothing_is_left()


@pytest.mark.parametrize("recipe", ["tp2", "pp2-fp8"])
def test_the_shipped_playbooks_build_and_serve(
    vendor: Vendor, triton_node: str, docker_host: docker.DockerClient, recipe: str
):
    """Stand-ins build it; the tokenizer that Triton is told lies in it."""
    name = f"llama-70b-two-machines-{recipe}"
    shipped = yaml.safe_load((REPOSITORY / f"inventories/{name}.yaml").read_text())
    llama_70b_folder(vendor.shared / "models/llama-2-70b")
    write_templates(vendor.shared / "templates", "0.16.0")
    config = vendor.shared / "templates/tensorrt_llm/config.pbtxt"  # for what stands in its place
    config.write_text(config.read_text().replace("${triton_backend}", "python"))
    image = tensorrt_llm_image(docker_host, triton_node, "0.16.0")
    own = {"STAND_IN_GPUS": "1", "LD_LIBRARY_PATH": LIBRARIES}
    mount = {"source": str(vendor.shared / "templates")}
    mount |= {"path": "/app/all_models/inflight_batcher_llm"}
    file = vendor.pair.describe(
        nodes={"node[1-2]": {"slots": 1}},
        container={"image": image, "shm_size": "512m", "env": own, "mounts": [mount]},
        storage={"kind": "bind", "source": str(vendor.shared), "path": "/mnt/shared"},
        python=shipped["python"],
        engine=shipped["engine"] | {"examples": "/app/tensorrt_llm/examples"},
    )
    (vendor.pair.folder / "inventories").mkdir()
    (vendor.pair.folder / f"inventories/{name}.yaml").write_text(file.read_text())

    done = vendor.play(f"llama-70b-triton-{recipe}", "-o", "json")

    assert done.returncode == 0, done.stdout + done.stderr
    steps = {step["verb"]: step["results"][0] for step in json.loads(done.stdout)["steps"]}
    assert list(steps) == ["up", "mpi-hello", "build", "serve", "infer", "stop", "down"]
    assert steps["serve"]["answer"] == "si ecnar"
    (answer,) = steps["infer"]["answers"]
    assert answer["text"] == " nu 1 ?hcnerF ni tnuoc I od woH"
    assert (steps["stop"]["was_running"], steps["stop"]["left"]) == (True, [])
    assert vendor.pair.left() == NOTHING


def test_without_a_server_there_is_no_answer(triton: Triton):
    triton.up("0.16.0")
    done = triton.pair("infer", "--prompt", "hi")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Fix: `clusterkit serve` in another terminal" in done.stderr


def test_there_is_nothing_to_build(triton: Triton):
    triton.up("0.16.0")
    done = triton.pair("build")
    assert (done.returncode, done.stdout) == (2, "")
    assert " ".join(done.stderr.split()) == (
        "Error: engine.name: triton serves an engine that is there; nothing is built. Fix: "
        "`clusterkit serve`; or `engine: {name: tensorrt-llm, …}` to build one"
    )

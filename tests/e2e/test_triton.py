"""A real tritonserver on each of two nodes, with a model of Python in TensorRT-LLM's place."""

from __future__ import annotations

import json
import signal
from urllib.request import urlopen

import docker
import pytest
import yaml

from tests.e2e.controller import REPOSITORY
from tests.e2e.model_folders import llama_70b_folder
from tests.e2e.pair import NOTHING
from tests.e2e.tensorrt_llm_image import tensorrt_llm_image
from tests.e2e.triton_pair import Triton
from tests.e2e.vendor_pair import Vendor
from tests.stand_ins.triton_templates import write_templates

LIBRARIES = "/usr/local/tensorrt/lib:/usr/local/cuda/lib64:/opt/tritonserver/libs"


@pytest.mark.parametrize(("version", "decoupled"), [("0.5.0", True), ("0.16.0", False)])
def test_serve_infer_and_stop(triton: Triton, version: str, decoupled: bool):
    triton.up(version, decoupled=decoupled)

    process, ready = triton.serve()
    metrics = urlopen(ready["metrics"], timeout=30).read().decode()  # noqa: S310 - ours
    asked = triton.pair.answer("infer", "--prompt", "first", "--prompt", "the 2nd")
    streamed = triton.pair("infer", "--prompt", "one more", "--max-tokens", 4)
    status = triton.pair.answer("status")
    running, (server,) = status["jobs_running"], status["servers"]
    logs = triton.pair("logs", ready["job"], "--rank", 1).stdout
    shm = triton.inside("node1", "ls /dev/shm")
    ports = [triton.listening("node1"), triton.listening("node2")]
    triton.pair.answer("stop", ready["job"])
    _, said = process.communicate(timeout=30)

    assert ready["via"] == "tunnel"
    assert ready["url"].startswith("http://127.0.0.1:")
    assert ready["grpc"].startswith("127.0.0.1:")
    assert "nv_inference" in metrics
    assert ready["answer"] == "si ecnar"  # eight bytes of its question, from behind
    assert [answer["text"] for answer in asked["answers"]] == ["tsrif", "dn2 eht"]
    assert (asked["answers"][0]["token_s"] is not None) == decoupled  # it came in parts
    assert asked["versions"]["triton"] == "2.51.0"
    assert streamed.stdout == "erom\n"
    assert running == [ready["job"]]
    assert (server["job"], server["ready"], server["why"]) == (ready["job"], True, None)
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

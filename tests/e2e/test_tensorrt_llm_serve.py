"""Serve on stand-ins of TensorRT-LLM's server and launcher, from `up` to an answer over HTTP."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from tests.e2e.controller import first_object
from tests.e2e.model_folders import glm_folder, llama_70b_folder
from tests.e2e.running_job import within
from tests.e2e.vendor_pair import Vendor
from tests.stand_ins.programs.answer import expected

Image = Callable[[str], str]
GLM = {"family": "chatglm2", "model": "/TRTDir/Models/chatglm2-6b", "tp": 2}
PROMPT = 'Hello "there",\ntell me about huawei'


@pytest.mark.parametrize(
    ("version", "engine"),
    [("0.16.0", {}), ("1.2.0", {}), ("1.3.0rc3", {"backend": "pytorch"})],
)
def test_it_is_ready_after_a_completion_and_ctrl_c_leaves_nothing(
    vendor: Vendor, tensorrt_llm: Image, version: str, engine: dict[str, Any]
):
    glm_folder(vendor.shared / "Models/chatglm2-6b")
    vendor.describe(tensorrt_llm(version), {"node1": 1, "node2": 1}, **GLM, **engine)
    vendor.pair.up()

    process = vendor.pair.controller.start("serve", "--port", 8123, "-o", "json")
    ready = first_object(process)
    answered = ask(ready["url"], ready["model"], PROMPT)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    assert (ready["url"][:17], ready["via"]) == ("http://127.0.0.1:", "tunnel")
    assert ready["answer"] == expected("The capital of France is", 2)
    assert answered == expected(PROMPT, 2)
    assert [rank["node"] for rank in ready["ranks"]] == ["node1", "node2"]
    assert process.returncode == 130, said
    assert "interrupted" in said
    assert left_on(vendor, "node1") == left_on(vendor, "node2") == []
    (job, *_) = vendor.pair.answer("jobs")["jobs"]
    assert (job["id"], job["state"]) == (ready["job"], "interrupted")


def test_a_server_that_is_left_alone_answers_until_it_is_stopped(
    vendor: Vendor, tensorrt_llm: Image
):
    glm_folder(vendor.shared / "Models/chatglm2-6b")
    vendor.describe(tensorrt_llm("1.2.0"), {"node1": 1, "node2": 1}, **GLM)
    vendor.pair.up()

    done = vendor.pair("serve", "--detach", "-o", "json")
    ready = json.loads(done.stdout)
    (server,) = vendor.pair.answer("status")["servers"]
    proxy = vendor.pair.controller.start("proxy", "-o", "json")
    answered = ask(first_object(proxy)["url"], ready["model"], PROMPT)
    proxy.send_signal(signal.SIGINT)
    proxy.communicate(timeout=30)
    attached = vendor.pair.controller.start("attach", "-o", "json")
    heard = first_object(attached)
    stopped = vendor.pair("stop")
    attached.communicate(timeout=60)

    assert done.returncode == 0, done.stderr
    assert (ready["via"], ready["metrics"][-19:]) == ("proxy", "/prometheus/metrics")
    assert (server["job"], server["ready"], server["why"]) == (ready["job"], True, None)
    assert answered == expected(PROMPT, 2)
    assert heard == ready
    assert (stopped.returncode, attached.returncode) == (0, 1)
    assert left_on(vendor, "node1") == left_on(vendor, "node2") == []


@pytest.mark.parametrize("version", ["0.16.0", "1.2.0"])
def test_nodes_may_have_one_gpu_and_two(vendor: Vendor, tensorrt_llm: Image, version: str):
    """Each has a config.json of its own then, at a path that is the same on both."""
    llama_70b_folder(vendor.shared / "llama", layers=81)
    engine = {"family": "llama", "model": "/TRTDir/llama", "pp": 3}
    vendor.describe(tensorrt_llm(version), {"node1": 1, "node2": 2}, **engine)
    vendor.pair.up()

    process = vendor.pair.controller.start("serve", "-o", "json")
    ready = first_object(process)
    process.send_signal(signal.SIGINT)

    assert ready["answer"] == expected("The capital of France is", 3)
    assert process.wait(60) == 130


def test_a_port_that_is_taken_is_told_before_a_model_is_loaded(
    vendor: Vendor, tensorrt_llm: Image
):
    """It is told to listen where sshd of the node does."""
    glm_folder(vendor.shared / "Models/chatglm2-6b")
    image = tensorrt_llm("1.3.0rc3")
    vendor.describe(image, {"node1": 1, "node2": 1}, **GLM, backend="pytorch")
    vendor.pair.up()

    head = vendor.pair.address(1)
    done = vendor.pair("serve", "--host", head, "--port", 22)

    assert (done.returncode, done.stdout) == (2, "")
    said = " ".join(done.stderr.split())
    assert f"node1: port 22 of {head} is taken. Fix: another port" in said
    assert left_on(vendor, "node1") == left_on(vendor, "node2") == []


def test_a_model_that_is_not_there_is_named(vendor: Vendor, tensorrt_llm: Image):
    image = tensorrt_llm("1.3.0rc3")
    vendor.describe(image, {"node1": 1, "node2": 1}, **GLM, backend="pytorch")
    vendor.pair.up()

    done = vendor.pair("serve")

    assert done.returncode == 2
    assert "/TRTDir/Models/chatglm2-6b has no config.json. Fix: bring the model" in (
        " ".join(done.stderr.split())
    )


def ask(url: str, model: str, prompt: str) -> str:
    asked = json.dumps({"model": model, "prompt": prompt, "max_tokens": 200}).encode()
    headers = {"Content-Type": "application/json"}
    request = Request(f"{url}/v1/completions", asked, headers)  # noqa: S310 - the url is ours
    with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
        text: str = json.load(answer)["choices"][0]["text"]
    return text


def left_on(vendor: Vendor, node: str) -> list[str]:
    """The processes of the server that run on a node, once that has changed for the last time."""
    script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -a '/trtllm[-]' || :"

    def look() -> list[str]:
        return vendor.pair.inside(node, "sh", "-c", script).split()

    within(10, lambda: not look())
    return look()

"""TensorRT-LLM over nodes, version by version, on stand-ins that fail as the versions do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.model_folders import glm_folder, llama_70b_folder
from tests.e2e.vendor_pair import Vendor
from tests.stand_ins.programs.answer import expected

Image = Callable[[str], str]
GLM = {"family": "chatglm2", "model": "/TRTDir/Models/chatglm2-6b", "tp": 2}
PROMPT = 'Hello "there",\ntell me about huawei'


@pytest.mark.parametrize("version", ["0.6.1", "0.9.0", "0.12.0", "0.16.0", "1.2.0"])
def test_chatglm2_answers_over_two_nodes_with_one_gpu_each(
    vendor: Vendor, tensorrt_llm: Image, version: str
):
    glm_folder(vendor.shared / "Models/chatglm2-6b")
    vendor.describe(tensorrt_llm(version), {"node1": 1, "node2": 1}, **GLM)
    vendor.pair.up()

    answered = vendor.infer(PROMPT)
    again = vendor.pair.answer("build")

    assert answered["answers"][0]["text"] == expected(PROMPT, 2)
    assert answered["versions"]["tensorrt_llm"] == version
    assert [rank["node"] for rank in answered["ranks"]] == ["node1", "node2"]
    assert (again["changed"], again["copied_to"]) == (False, [])


@pytest.mark.parametrize("version", ["0.7.1", "0.9.0", "0.10.0"])
def test_without_the_fix_it_fails_and_the_reason_is_told(
    vendor: Vendor, tensorrt_llm: Image, version: str
):
    glm_folder(vendor.shared / "Models/chatglm2-6b")
    image = tensorrt_llm(version)
    vendor.describe(image, {"node1": 1, "node2": 1}, **GLM, gpus_per_node="off")
    vendor.pair.up()

    done = vendor.pair("infer", "--prompt", "hi")

    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "rank 1 on node2 exited with 1" in said
    assert "invalid device ordinal" in said
    assert "Fix: set `engine.gpus_per_node: auto`" in said


@pytest.mark.parametrize("version", ["0.9.0", "0.12.0", "1.2.0"])
def test_nodes_may_have_one_gpu_and_two(vendor: Vendor, tensorrt_llm: Image, version: str):
    """A pipeline of three: 81 layers, as 80 cannot be cut into three."""
    llama_70b_folder(vendor.shared / "llama", layers=81)
    engine = {"family": "llama", "model": "/TRTDir/llama", "pp": 3}
    vendor.describe(tensorrt_llm(version), {"node1": 1, "node2": 2}, **engine)
    vendor.pair.up()

    answered = vendor.infer("hi")

    assert answered["answers"][0]["text"] == expected("hi", 3)
    assert [rank["node"] for rank in answered["ranks"]] == ["node1", "node2", "node2"]


def test_ranks_of_one_node_that_follow_the_other_node(vendor: Vendor, tensorrt_llm: Image):
    """Two nodes with two GPUs each, and stages of two: ranks 2 and 3 must take devices 0 and 1."""
    llama_70b_folder(vendor.shared / "llama")
    engine = {"family": "llama", "model": "/TRTDir/llama", "tp": 2, "pp": 2}
    vendor.describe(tensorrt_llm("0.16.0"), {"node1": 2, "node2": 2}, **engine)
    vendor.pair.up()

    hello = vendor.pair.answer("mpi-hello")
    answered = vendor.infer("hi", "And you?")

    assert [rank["hostname"] for rank in hello["ranks"]] == ["node1", "node1", "node2", "node2"]
    texts = [answer["text"] for answer in answered["answers"]]
    assert texts == [expected("hi", 4), expected("And you?", 4)]


def test_an_engine_of_another_version_is_named(vendor: Vendor, tensorrt_llm: Image):
    glm_folder(vendor.shared / "Models/chatglm2-6b")
    vendor.describe(tensorrt_llm("0.16.0"), {"node1": 1, "node2": 1}, **GLM, version="0.12.0")
    vendor.pair.up()

    done = vendor.pair("build", "-o", "json")

    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "TensorRT-LLM 0.16.0 is installed, and engine.version is 0.12.0" in done.stderr

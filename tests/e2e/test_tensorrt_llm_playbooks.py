"""The shipped playbooks of TensorRT-LLM, from `up` to the text, on nodes of stand-ins."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.e2e.model_folders import glm_folder, llama_70b_folder
from tests.e2e.pair import NOTHING
from tests.e2e.vendor_pair import Vendor
from tests.stand_ins.programs.answer import expected

FRENCH = "How do I count in French? 1 un "


def test_chatglm2_over_two_containers_with_one_gpu_each(
    vendor: Vendor, tensorrt_llm: Callable[[str], str]
):
    glm_folder(vendor.shared / "Models/chatglm2-6b")
    vendor.inventory("chatglm2-two-containers", tensorrt_llm("0.7.1"))

    done = vendor.play("chatglm2-two-nodes", "-o", "json")

    assert done.returncode == 0, done.stdout + done.stderr
    steps = {step["verb"]: step["results"][0] for step in json.loads(done.stdout)["steps"]}
    assert list(steps) == ["up", "mpi-hello", "build", "infer", "down"]
    assert [rank["hostname"] for rank in steps["mpi-hello"]["ranks"]] == ["node1", "node2"]
    (answer,) = steps["infer"]["answers"]
    assert answer["text"] == expected("Hello tell me about huawei", 2)
    assert vendor.engine_files() == {
        "chatglm2_6b_float16_tp2_rank0.engine",
        "chatglm2_6b_float16_tp2_rank1.engine",
        "config.json",
    }
    assert vendor.pair.left() == NOTHING


@pytest.mark.parametrize(("recipe", "split"), [("pp2-fp8", "tp1_pp2"), ("tp2", "tp2")])
def test_llama_70b_over_two_gpus(
    vendor: Vendor, tensorrt_llm: Callable[[str], str], recipe: str, split: str
):
    llama_70b_folder(vendor.shared / "meta/hf-weights/70B")
    vendor.inventory(f"llama-70b-{recipe}", tensorrt_llm("0.5.0"))

    done = vendor.play(f"llama-70b-{recipe}", "-o", "json")

    assert done.returncode == 0, done.stdout + done.stderr
    steps = {step["verb"]: step["results"][0] for step in json.loads(done.stdout)["steps"]}
    (answer,) = steps["infer"]["answers"]
    assert answer["text"] == expected(FRENCH, 2)
    engines = {f"llama_float16_{split}_rank{rank}.engine" for rank in (0, 1)}
    assert vendor.engine_files() == {"config.json", *engines}

"""What run.py of a version cannot be asked is refused before an engine is built for it."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.model_folders import glm_folder
from tests.e2e.vendor_pair import Vendor

Image = Callable[[str], str]


def test_every_reason_is_told_and_nothing_is_built(vendor: Vendor, tensorrt_llm: Image):
    glm_folder(vendor.shared / "Models/chatglm2-6b")
    engine = {"family": "chatglm2", "model": "/TRTDir/Models/chatglm2-6b"}
    vendor.describe(tensorrt_llm("0.9.0"), {"node1": 1, "node2": 1}, **engine)
    vendor.pair.up()

    done = vendor.pair("infer", "-p", "-x", "-p", "b", "--seed", "1", "--temperature", "1")

    assert done.returncode == 2, done.stderr
    assert "takes no seed. Fix: leave out `--seed`, or 0.11.0 or newer" in done.stderr
    assert "prompt 1 begins with a dash" in done.stderr
    assert not list((vendor.shared / "clusterkit").glob("engines/*"))

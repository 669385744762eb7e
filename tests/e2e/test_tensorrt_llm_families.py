"""Every family in every way that it is built: the vendor's programs are stand-ins, and strict."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.model_folders import family_folder
from tests.e2e.vendor_pair import Vendor
from tests.stand_ins.programs.answer import expected

FAMILIES = ("chatglm2", "gpt2", "llama", "mixtral", "qwen")


@pytest.mark.parametrize("version", ["0.7.1", "0.8.0", "0.16.0", "1.2.0"])
def test_every_family_is_built_and_answers(
    vendor: Vendor, tensorrt_llm: Callable[[str], str], version: str
):
    image = tensorrt_llm(version)
    for family in FAMILIES:
        family_folder(vendor.shared / family, family)
        _describe(vendor, image, family, tp=2)
        vendor.pair.up()
        answered = vendor.infer("hi")
        assert (family, answered["answers"][0]["text"]) == (family, expected("hi", 2))


@pytest.mark.parametrize("version", ["0.7.1", "0.9.0", "0.16.0", "1.2.0"])
@pytest.mark.parametrize("quantization", ["fp8", "int8", "int4-awq"])
def test_llama_is_quantized(
    vendor: Vendor, tensorrt_llm: Callable[[str], str], version: str, quantization: str
):
    family_folder(vendor.shared / "llama", "llama")
    _describe(vendor, tensorrt_llm(version), "llama", pp=2, quantization=quantization)
    vendor.pair.up()

    answered = vendor.infer("hi")

    assert answered["answers"][0]["text"] == expected("hi", 2)


def _describe(vendor: Vendor, image: str, family: str, **engine: object) -> None:
    settings = {"family": family, "model": f"/TRTDir/{family}", **engine}
    vendor.describe(image, {"gpus": 2}, **settings)

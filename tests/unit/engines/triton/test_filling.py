"""Every version's mandatory placeholders are filled."""

from __future__ import annotations

import pytest
from packaging.version import Version

from clusterkit.engines.triton.filling import mandatory, unknown_parameters, values_of
from clusterkit.model.triton import TritonSettings
from clusterkit.payloads.triton_repository import unfilled
from clusterkit.placement import Placement, Rank
from tests.stand_ins.triton_templates import VERSIONS, templates

TWO = Placement((Rank(0, "node1", 0), Rank(1, "node2", 0)))
SETTINGS = TritonSettings.model_validate({"name": "triton", "model": "/engines/llama", "tp": 2})


@pytest.mark.parametrize("version", VERSIONS)
def test_the_table_says_what_the_templates_need(version: str):
    """But for what only stands in a comment of the stand-ins."""
    needed = mandatory(Version(version))
    for model, text in templates(version).items():
        assert {each.name for each in unfilled(text) if each.is_fatal} <= needed.get(model, set())
    assert set().union(*needed.values()) <= values_of(SETTINGS, TWO).keys()


def test_values_of_a_newer_version():
    changed = {"kv_cache_free_gpu_mem_fraction": 0.85, "decoupled_mode": False}
    settings = SETTINGS.model_copy(update={"parameters": changed})
    values = values_of(settings, TWO)
    assert values == {
        "decoupled_mode": "false",
        "engine_dir": "/engines/llama",
        "tokenizer_dir": "/engines/llama/tokenizer",
        "tokenizer_type": "auto",
        "triton_backend": "tensorrtllm",
        "triton_max_batch_size": "8",
        "batching_strategy": "inflight_fused_batching",
        "preprocessing_instance_count": "1",
        "postprocessing_instance_count": "1",
        "bls_instance_count": "1",
        "max_queue_delay_microseconds": "0",
        "max_queue_size": "0",
        "encoder_input_features_data_type": "TYPE_FP16",
        "prompt_embedding_table_data_type": "TYPE_FP16",
        "logits_datatype": "TYPE_FP32",
        "tensorrt_llm_model_name": "tensorrt_llm",
        "num_nodes": "2",
        "kv_cache_free_gpu_mem_fraction": "0.85",
    }


def test_a_parameter_that_no_template_has_is_refused():
    settings = SETTINGS.model_copy(update={"parameters": {"kv_cache_fraction": 1, "other": 2}})
    asked = frozenset(("kv_cache_fractions", "engine_dir"))
    assert list(unknown_parameters(settings, asked)) == [
        "engine.parameters: no template has ${kv_cache_fraction}. "
        "Fix: did you mean `kv_cache_fractions`?",
        "engine.parameters: no template has ${other}. Fix: leave it out",
    ]

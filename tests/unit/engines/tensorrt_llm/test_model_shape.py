"""What a planner learns from a model's config.json."""

from __future__ import annotations

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.planner import check_build, shape_of
from clusterkit.facts import ModelFolder
from clusterkit.model.models import ModelShape
from tests.unit.engines.tensorrt_llm.seventy import BUILD, cluster, gpus, node, settings

CHATGLM2 = {
    "architectures": ["ChatGLMModel"],
    "model_type": "chatglm",
    "hidden_size": 4096,
    "num_layers": 28,
    "num_attention_heads": 32,
    "multi_query_attention": True,
    "multi_query_group_num": 2,
    "kv_channels": 128,
    "padded_vocab_size": 65_024,
    "seq_length": 32_768,
}


def test_of_a_model_with_names_of_its_own() -> None:
    model = ModelFolder("/models/chatglm2-6b", CHATGLM2, {}, "0" * 64, 6_243_584_000)
    assert shape_of(model) == ModelShape(
        architecture="ChatGLMModel",
        layers=28,
        heads=32,
        kv_heads=2,
        head_dim=128,
        hidden=4096,
        vocab=65_024,
        max_context=32_768,
        parameters=6_243_584_000,
        tied=False,
    )


def test_parameters_that_nobody_tells_are_taken_from_the_sizes() -> None:
    files = {"pytorch_model-00001-of-00002.bin": 900, "pytorch_model-00002-of-00002.bin": 100}
    model = ModelFolder("/models/chatglm2-6b", CHATGLM2, files, "0" * 64)
    shape = shape_of(model)
    assert shape is not None
    assert shape.parameters == 500


def test_a_config_that_says_too_little_is_not_judged() -> None:
    config = {"model_type": "other", "num_attention_heads": 8, "hidden_size": 64}
    model = ModelFolder("/models/other", config, {}, "0" * 64)
    assert shape_of(model) is None
    facts = {"node1": node(gpus(2))}
    version = Version("0.16.0")
    assert check_build(settings(tp=2), version, cluster(), facts, model, BUILD) == ()

"""A model's folder tells its family, or says why it does not."""

from __future__ import annotations

from typing import Any

import pytest
from packaging.version import Version

from clusterkit.engines.tensorrt_llm.families import (
    chatglm_name,
    example_folder,
    guessed_chatglm_version,
)
from clusterkit.engines.tensorrt_llm.model_family import family_of
from clusterkit.errors import UsageError
from tests.unit.engines.tensorrt_llm.builds import folder, settings

GLM: dict[str, Any] = {
    "architectures": ["ChatGLMModel"],
    "model_type": "chatglm",
    "multi_query_group_num": 2,
}


@pytest.mark.parametrize(
    ("config", "path", "family"),
    [
        ({"architectures": ["LlamaForCausalLM"], "model_type": "llama"}, "/m/x", "llama"),
        ({"architectures": ["MistralForCausalLM"]}, "/m/x", "llama"),
        ({"architectures": ["MixtralForCausalLM"]}, "/m/x", "mixtral"),
        ({"architectures": ["GPT2LMHeadModel"]}, "/m/x", "gpt2"),
        ({"architectures": ["QWenLMHeadModel"]}, "/m/x", "qwen"),
        ({"architectures": ["Qwen2ForCausalLM"]}, "/m/x", "qwen"),
        ({"model_type": "gpt2"}, "/m/x", "gpt2"),
        (GLM | {"_name_or_path": "THUDM/chatglm2-6b"}, "/m/x", "chatglm2"),
        (GLM, "/m/chatglm3-6b", "chatglm3"),
        (GLM, "/m/ChatGLM2_6B_int8", "chatglm2"),
    ],
)
def test_config_json_tells_it(config: dict[str, Any], path: str, family: str) -> None:
    assert family_of(settings(model=path), folder(config, path)) == family


def test_the_settings_tell_it_where_the_folder_does_not() -> None:
    assert family_of(settings(family="chatglm3"), folder(GLM, "/m/glm")) == "chatglm3"
    assert family_of(settings(family="mixtral"), None) == "mixtral"


@pytest.mark.parametrize(
    ("config", "family", "message"),
    [
        (
            {"architectures": ["GPT2LMHeadModel"]},
            "llama",
            "engine.family: /m/x/config.json says GPT2LMHeadModel, which is no llama. "
            "Fix: set engine.family to gpt2",
        ),
        (
            {"architectures": ["FalconForCausalLM"]},
            "llama",
            "engine.family: /m/x/config.json says FalconForCausalLM, which is no llama. "
            "Fix: correct engine.model",
        ),
        (
            {"architectures": ["FalconForCausalLM"]},
            None,
            "engine.model: /m/x/config.json says FalconForCausalLM, and no family can be told "
            "from it. Fix: set engine.family to llama, chatglm2, chatglm3, gpt2, qwen or mixtral, "
            "if it is one",
        ),
        (
            GLM,
            None,
            "engine.model: /m/x/config.json says ChatGLMModel, and no family can be told from "
            "it. Fix: set engine.family to chatglm2 or chatglm3, if it is one",
        ),
        (
            GLM | {"_name_or_path": "THUDM/chatglm3-6b"},
            "chatglm2",
            "engine.family: /m/x/config.json says ChatGLMModel, which is no chatglm2. "
            "Fix: set engine.family to chatglm3",
        ),
        (
            {"model_type": "chatglm"},  # the first ChatGLM
            "chatglm2",
            "engine.family: /m/x/config.json says chatglm, which is no chatglm2. "
            "Fix: correct engine.model",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    config: dict[str, Any], family: str | None, message: str
) -> None:
    with pytest.raises(UsageError) as error:
        family_of(settings(family=family), folder(config, "/m/x"))
    assert str(error.value) == message


def test_a_dry_run_needs_the_family() -> None:
    with pytest.raises(UsageError) as error:
        family_of(settings(), None)
    assert str(error.value) == (
        "engine.family: nobody has looked at the model, so its family is unknown. Fix: set "
        "engine.family to one of llama, chatglm2, chatglm3, gpt2, qwen, mixtral"
    )


@pytest.mark.parametrize(
    ("family", "version", "path"),
    [
        ("chatglm2", "0.5.0", "chatglm2-6b"),
        ("chatglm2", "0.6.0", "chatglm"),
        ("chatglm3", "0.19.0", "chatglm"),
        ("chatglm3", "0.20.0", "models/core/glm-4-9b"),
        ("mixtral", "0.9.0", "llama"),
        ("mixtral", "1.2.1", "models/core/llama"),
        ("gpt2", "0.5.0", "gpt"),
        ("qwen", "1.3.0rc20", "models/core/qwen"),
    ],
)
def test_programs_move_with_the_versions(family: Any, version: str, path: str) -> None:
    assert example_folder(family, Version(version)) == path


@pytest.mark.parametrize(
    ("path", "config", "name"),
    [
        ("/m/chatglm3-6b", {}, "chatglm3_6b"),
        ("/m/chatglm3-6b-32k", {}, "chatglm3_6b_32k"),
        ("/m/x", {"rope_ratio": 50}, "chatglm3_6b_32k"),
        ("/m/x", {"_name_or_path": "THUDM/chatglm3-6b-base"}, "chatglm3_6b_base"),
    ],
)
def test_chatglm_build_py_knows_models_by_names(
    path: str, config: dict[str, Any], name: str
) -> None:
    assert chatglm_name("chatglm3", path, config) == name


def test_the_converter_guesses_by_the_path() -> None:
    assert guessed_chatglm_version("/models/chatglm2-6b") == "chatglm2"
    assert guessed_chatglm_version("/models/chatglm3/was-chatglm2") == "chatglm3"
    assert guessed_chatglm_version("/models/glm-4-9b") == "glm4"
    assert guessed_chatglm_version("/models/six") is None

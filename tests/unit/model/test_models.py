from __future__ import annotations

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.models import BUILTIN, ModelSource, model_source


@pytest.mark.parametrize(
    ("setting", "source"),
    [
        ("smollm2-135m", ModelSource("builtin", "smollm2-135m", "smollm2-135m")),
        ("Org/Name-1.5", ModelSource("hub", "Org--Name-1.5", "Org/Name-1.5")),
        ("/m/a model.Q4.gguf", ModelSource("path", "a-model.Q4", "/m/a model.Q4.gguf")),
        ("sub/x.gguf", ModelSource("path", "x", "sub/x.gguf")),
        ("./llama/", ModelSource("path", "llama", "./llama/")),
        ("~/llama", ModelSource("path", "llama", "~/llama")),
        ("/", ModelSource("path", "model", "/")),
    ],
)
def test_what_a_setting_means(setting: str, source: ModelSource) -> None:
    assert model_source(setting) == source


def test_an_unknown_name() -> None:
    with pytest.raises(UsageError) as caught:
        model_source("smollm-135m")

    assert str(caught.value) == (
        "model `smollm-135m`: no such model. Fix: did you mean `smollm2-135m`?"
    )

    with pytest.raises(UsageError) as caught:
        model_source("gpt")

    assert str(caught.value) == (
        "model `gpt`: no such model. Fix: use a built-in name (smollm2-135m), a hub name such as "
        "`HuggingFaceTB/SmolLM2-135M-Instruct`, or the path of a GGUF file or of a folder "
        "(`./NAME` if it is in this folder)"
    )


def test_a_builtin_model_knows_itself() -> None:
    assert model_source("smollm2-135m").builtin is BUILTIN["smollm2-135m"]
    assert model_source("./smollm2-135m").builtin is None

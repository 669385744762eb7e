"""The ``engine:`` section, by the engine that it names: each has settings of its own."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Tag

from clusterkit.model.engine import EngineSettings
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.model.torch_tensorrt import TorchTensorRtSettings
from clusterkit.model.triton import TritonSettings

_OWN_SETTINGS = {
    "tensorrt-llm": "[TensorRtLlmSettings]",
    "torch-tensorrt": "[TorchTensorRtSettings]",
    "triton": "[TritonSettings]",
}


def _settings_of(given: Any) -> str:
    name = given.get("name") if isinstance(given, dict) else getattr(given, "name", None)
    return _OWN_SETTINGS.get(str(name), "[EngineSettings]")


AnyEngine = Annotated[
    Annotated[EngineSettings, Tag("[EngineSettings]")]
    | Annotated[TensorRtLlmSettings, Tag("[TensorRtLlmSettings]")]
    | Annotated[TorchTensorRtSettings, Tag("[TorchTensorRtSettings]")]
    | Annotated[TritonSettings, Tag("[TritonSettings]")],
    Discriminator(_settings_of),
]
"""Tags are names of schema definitions in brackets: mistakes are explained with their help."""

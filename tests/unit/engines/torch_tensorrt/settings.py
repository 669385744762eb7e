"""Settings of the engine, short."""

from __future__ import annotations

from typing import Any

from clusterkit.model.torch_tensorrt import TorchTensorRtSettings


def settings(**changed: Any) -> TorchTensorRtSettings:
    return TorchTensorRtSettings.model_validate({"name": "torch-tensorrt", **changed})

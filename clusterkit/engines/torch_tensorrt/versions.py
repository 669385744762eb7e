"""Versions of Torch-TensorRT: where they part ways for what is run here."""

from __future__ import annotations

from packaging.version import Version

from clusterkit.engines.versions import Release, Software

TORCH_TENSORRT = Software(
    name="torch_tensorrt",
    package="torch_tensorrt",
    oldest=Version("2.4.0"),
    oldest_is="the oldest that is known",
    example="2.13.0",
)

EXPLICIT_TYPING: Release = (2, 6)
"""Engines keep the dtypes of the model where they are told; by default from 2.10 on."""
SPLIT_MODELS: Release = (2, 7)
"""use_distributed_mode_trace. 2.4 and 2.5 trace no DTensor; 2.6 has use_aot_joint_export for it,
which ends in a NameError of its own (dynamo/backend/backends.py)."""
PLUGINS_NEED_CUDA_12: Release = (2, 10)
"""From here on the plugins are not loaded with a PyTorch for another CUDA, from no path either,
and an installed tensorrt_llm is no longer looked for (_utils.py)."""
NATIVE_COLLECTIVES: Release = (2, 12)
"""TensorRT's own; where they are there, TensorRT-LLM's plugins are not loaded (_features.py)."""
NATIVE_NEEDS_TENSORRT: Release = (10, 16)

"""What engine is wanted, with everything decided that all of its programs must agree on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from clusterkit.engines.tensorrt_llm.families import chatglm_name, example_folder
from clusterkit.engines.tensorrt_llm.gpus_per_node import gpus_per_node
from clusterkit.engines.tensorrt_llm.layout import Layout
from clusterkit.engines.tensorrt_llm.model_family import family_of
from clusterkit.facts import ModelFolder, NodeFacts
from clusterkit.model.tensorrt_llm import Family, Quantization, TensorRtLlmSettings
from clusterkit.placement import Placement

CALIBRATION_PROMPTS: Mapping[Quantization, int] = {"fp8": 512, "int4-awq": 32}
"""As the READMEs of examples/llama and examples/quantization have them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One engine. ``config`` is the model's config.json, empty where nobody has looked.

    ``workers`` GPUs build at once. ``crosses_nodes`` says that some tensor parallel group lies
    on more than one node. ``gpus_per_node`` is trtllm-build's flag, None where it is not given.
    """

    settings: TensorRtLlmSettings
    version: Version
    family: Family
    python: str
    dtype: str
    workers: int
    crosses_nodes: bool
    gpus_per_node: int | None
    config: Mapping[str, Any]

    def script(self, name: str) -> str:
        """The path of one of the family's programs."""
        return f"{self.settings.examples}/{self.program(name)}"

    def program(self, name: str) -> str:
        """The same below ``examples/``, as its flags are known."""
        return f"{example_folder(self.family, self.version)}/{name}"

    @property
    def is_calibrated(self) -> bool:
        """Whether its numbers are those of a program that looks how the model answers."""
        return self.settings.quantization in CALIBRATION_PROMPTS

    @property
    def chatglm_name(self) -> str:
        """The name by which chatglm/build.py knows the model."""
        return chatglm_name(self.family, self.settings.model, self.config)


def wanted_engine(
    settings: TensorRtLlmSettings,
    version: Version,
    placement: Placement,
    facts: NodeFacts,
    model: ModelFolder | None,
) -> Wanted:
    """Decide it.

    Raises:
        UsageError: If the family is unknown, or gpus_per_node cannot be told to this version.
    """
    workers = settings.workers or len(facts.gpus) or 1
    return Wanted(
        settings=settings,
        version=version,
        family=family_of(settings, model),
        python=facts.python,
        dtype="float16" if settings.dtype == "auto" else settings.dtype,
        workers=min(workers, settings.world_size),  # the programs bound it by their GPUs
        crosses_nodes=bool(Layout(placement, settings.tp).straddling),
        gpus_per_node=gpus_per_node(settings, version, placement).build_flag,
        config=model.config if model is not None else {},
    )

"""What every rank runs to answer prompts: run.py of the examples, in its version's words."""

from __future__ import annotations

from packaging.version import Version

from clusterkit.engines.request import GenerateRequest
from clusterkit.model.job import RankProgram
from clusterkit.model.tensorrt_llm import TensorRtLlmSettings
from clusterkit.placement import Placement


def run_program(
    settings: TensorRtLlmSettings,
    version: Version,
    placement: Placement,
    request: GenerateRequest,
    *,
    python: str,
    payload_folder: str,
    engine_folder: str,
) -> RankProgram:
    """The program of every rank; the tokenizer lies in the engine's folder, as ``tokenizer/``.

    Raises:
        UsageError: If this version cannot do what the request asks, with every reason.
    """
    raise NotImplementedError

"""Stands in for runtime: the sessions that run.py chooses from."""

from __future__ import annotations

from tensorrt_llm.runtime.model_runner import ModelRunner as ModelRunner
from tensorrt_llm.runtime.model_runner_cpp import ModelRunnerCpp as ModelRunnerCpp

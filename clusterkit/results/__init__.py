"""What each verb answers, as frozen types; ``-o json`` prints them, and they stay stable."""

from __future__ import annotations

from typing import Any

from clusterkit.errors import UsageError
from clusterkit.model.base import Model
from clusterkit.results.check import CheckedNode, CheckResult, EngineSummary
from clusterkit.results.dry_run import DryRun, DryStep
from clusterkit.results.hello import HelloRank, HelloResult
from clusterkit.results.infer import Answer, InferRank, InferResult
from clusterkit.results.init import InitResult
from clusterkit.results.jobs import JobsResult, ListedJob, LogLine, LogsResult, StopResult
from clusterkit.results.ls import ListedCluster, LsResult
from clusterkit.results.models import BuildResult, ListedModel, ModelShape, ModelsResult
from clusterkit.results.nodes import Copy, CpResult, ExecResult, NodeOutput
from clusterkit.results.plan import (
    AppliedStep,
    DownResult,
    Kept,
    PlannedStep,
    PlanResult,
    Settled,
    Sign,
    UpResult,
)
from clusterkit.results.status import (
    ModelStatus,
    NodeStatus,
    SeenGpu,
    StatusResult,
    StorageStatus,
)

__all__ = [
    "RESULTS",
    "Answer",
    "AppliedStep",
    "BuildResult",
    "CheckResult",
    "CheckedNode",
    "Copy",
    "CpResult",
    "DownResult",
    "DryRun",
    "DryStep",
    "EngineSummary",
    "ExecResult",
    "HelloRank",
    "HelloResult",
    "InferRank",
    "InferResult",
    "InitResult",
    "JobsResult",
    "Kept",
    "ListedCluster",
    "ListedJob",
    "ListedModel",
    "LogLine",
    "LogsResult",
    "LsResult",
    "ModelShape",
    "ModelStatus",
    "ModelsResult",
    "NodeOutput",
    "NodeStatus",
    "PlanResult",
    "PlannedStep",
    "SeenGpu",
    "Settled",
    "Sign",
    "StatusResult",
    "StopResult",
    "StorageStatus",
    "UpResult",
    "schema",
]

RESULTS: dict[str, type[Model]] = {
    "build": BuildResult,
    "check": CheckResult,
    "cp": CpResult,
    "down": DownResult,
    "dry-run": DryRun,
    "exec": ExecResult,
    "infer": InferResult,
    "init": InitResult,
    "jobs": JobsResult,
    "logs": LogsResult,
    "ls": LsResult,
    "models": ModelsResult,
    "mpi-hello": HelloResult,
    "plan": PlanResult,
    "status": StatusResult,
    "stop": StopResult,
    "up": UpResult,
}
"""The result of each verb; ``dry-run`` is that of every verb with ``--dry-run``."""


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of what the verb ``name`` answers.

    Raises:
        UsageError: If there is no such schema.
    """
    if name not in RESULTS:
        raise UsageError(f"schema {name!r}: no such name. Fix: use one of {', '.join(RESULTS)}")
    return RESULTS[name].model_json_schema(mode="serialization")

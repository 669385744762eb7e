"""What each verb answers, as frozen types; ``-o json`` prints them, and they stay stable.

A type's module is imported when the type is first asked for: a verb does not pay for the others.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from clusterkit.results.schemas import RESULTS, schema
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

_NAMES = {
    "check": "CheckedNode CheckResult EngineSummary",
    "dry_run": "DryRun DryStep",
    "hello": "HelloRank HelloResult",
    "infer": "Answer InferRank InferResult",
    "init": "InitResult",
    "jobs": "JobsResult ListedJob LogLine LogsResult StopResult",
    "ls": "ListedCluster LsResult",
    "models": "BuildResult ListedModel ModelShape ModelsResult",
    "nodes": "Copy CpResult ExecResult NodeOutput",
    "plan": "AppliedStep DownResult Kept PlannedStep PlanResult Settled Sign UpResult",
    "status": "ModelStatus NodeStatus SeenGpu StatusResult StorageStatus",
    "schemas": "RESULTS schema",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = found
    return found

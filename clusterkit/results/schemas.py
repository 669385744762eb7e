"""The result of each verb, and its JSON Schema."""

from __future__ import annotations

from typing import Any

from clusterkit.model.base import Model
from clusterkit.results.audit import AuditResult
from clusterkit.results.bench import BenchNetResult
from clusterkit.results.chat import ChatResult
from clusterkit.results.check import CheckResult
from clusterkit.results.discover import DiscoverResult
from clusterkit.results.doctor import DoctorResult
from clusterkit.results.dry_run import DryRun
from clusterkit.results.engines import EnginesResult
from clusterkit.results.fix import FixResult
from clusterkit.results.hello import HelloResult
from clusterkit.results.images import ImagesResult
from clusterkit.results.import_ import ImportResult
from clusterkit.results.infer import InferResult
from clusterkit.results.init import InitResult
from clusterkit.results.jobs import (
    DetachedResult,
    JobShown,
    JobsResult,
    LogsResult,
    StopResult,
)
from clusterkit.results.keys import KeysResult
from clusterkit.results.lab import LabResult
from clusterkit.results.lock import LockResult
from clusterkit.results.ls import LsResult
from clusterkit.results.models import BuildResult, ModelsResult
from clusterkit.results.nodes import CpResult, ExecResult
from clusterkit.results.plan import (
    DownResult,
    PlanResult,
    UpResult,
)
from clusterkit.results.plan_file import PlanFile
from clusterkit.results.play import PlayResult
from clusterkit.results.run import RunResult
from clusterkit.results.serve import ProxyResult, ServeResult
from clusterkit.results.status import (
    StatusResult,
)
from clusterkit.results.support import SupportResult
from clusterkit.results.sweep import SweepResult

RESULTS: dict[str, type[Model]] = {
    "audit": AuditResult,
    "bench": BenchNetResult,
    "build": BuildResult,
    "chat": ChatResult,
    "check": CheckResult,
    "cp": CpResult,
    "discover": DiscoverResult,
    "doctor": DoctorResult,
    "detached": DetachedResult,
    "down": DownResult,
    "dry-run": DryRun,
    "engines": EnginesResult,
    "exec": ExecResult,
    "fix": FixResult,
    "images": ImagesResult,
    "import": ImportResult,
    "infer": InferResult,
    "init": InitResult,
    "jobs": JobsResult,
    "jobs-show": JobShown,
    "keys": KeysResult,
    "lab": LabResult,
    "lock": LockResult,
    "logs": LogsResult,
    "ls": LsResult,
    "models": ModelsResult,
    "mpi-hello": HelloResult,
    "plan": PlanResult,
    "plan-file": PlanFile,
    "play": PlayResult,
    "proxy": ProxyResult,
    "run": RunResult,
    "serve": ServeResult,
    "status": StatusResult,
    "stop": StopResult,
    "support": SupportResult,
    "sweep": SweepResult,
    "up": UpResult,
}
"""The result of each verb; ``dry-run`` is that of every verb with ``--dry-run``.

``detached`` is that of every verb with ``--detach``; `attach` answers as the job's own verb.
``plan-file`` is what ``plan --out`` writes.
"""


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of what the verb ``name`` answers."""
    return RESULTS[name].model_json_schema(mode="serialization")

"""Which function shows which result. Each is imported when it is first needed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from clusterkit.model.base import Model
    from clusterkit.report.tables import Blocks

_VIEWS = {
    "AuditResult": "audit:audit_text",
    "BenchNetResult": "bench_net:bench_net_text",
    "BuildResult": "models:build_text",
    "ChatResult": "chat:chat_text",
    "CheckResult": "check:check_text",
    "CpResult": "nodes:cp_text",
    "DetachedResult": "job_shown:detached_text",
    "DiscoverResult": "discover:discover_text",
    "DoctorResult": "doctor:doctor_text",
    "DownResult": "plan:down_text",
    "DryRun": "dry_run:dry_run_text",
    "EnginesResult": "engines:engines_text",
    "ExecResult": "nodes:exec_text",
    "FixResult": "fix:fix_text",
    "HelloResult": "hello:hello_text",
    "ImagesResult": "images:images_text",
    "ImportResult": "import_:import_text",
    "InferResult": "infer:infer_text",
    "InitResult": "init:init_text",
    "JobShown": "job_shown:job_shown_text",
    "JobsResult": "jobs:jobs_text",
    "KeysResult": "keys:keys_text",
    "LabResult": "lab:lab_text",
    "LockResult": "lock:lock_text",
    "LogsResult": "jobs:logs_text",
    "LsResult": "ls:ls_text",
    "ModelsResult": "models:models_text",
    "PlanFile": "plan:plan_file_text",
    "PlanResult": "plan:plan_text",
    "PlayResult": "play:play_text",
    "ProxyResult": "serve:proxy_text",
    "RunResult": "run:run_text",
    "ServeResult": "serve:serve_text",
    "StatusResult": "status:status_text",
    "StopResult": "jobs:stop_text",
    "SupportResult": "support:support_text",
    "SweepResult": "sweep:sweep_text",
    "UpResult": "plan:up_text",
}


def view(result: Model, *, wide: bool = False) -> Blocks:
    """``result`` as text and tables."""
    module, function = _VIEWS[type(result).__name__].split(":")
    shows = getattr(import_module(f"clusterkit.report.{module}"), function)
    return cast("Blocks", shows(result, wide=wide))

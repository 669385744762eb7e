"""One run on the cluster, from start to an end that was observed."""

from __future__ import annotations

from clusterkit.jobs.interrupt import Interrupt, interruptible
from clusterkit.jobs.job import Job, JobEnd, JobNode, Preparation, RankEnd, new_job_id
from clusterkit.jobs.prepared import Prepared, prepared
from clusterkit.jobs.records import (
    JobRow,
    LogLine,
    Stopped,
    list_jobs,
    read_logs,
    show_job,
    stop_job,
)
from clusterkit.jobs.run import run_job

__all__ = [
    "Interrupt",
    "Job",
    "JobEnd",
    "JobNode",
    "JobRow",
    "LogLine",
    "Preparation",
    "Prepared",
    "RankEnd",
    "Stopped",
    "interruptible",
    "list_jobs",
    "new_job_id",
    "prepared",
    "read_logs",
    "run_job",
    "show_job",
    "stop_job",
]

"""``jobs``, ``stop`` and ``logs``."""

from __future__ import annotations

from datetime import datetime

from rich.text import Text

from clusterkit.quantities import counted, duration
from clusterkit.report.folding import fold
from clusterkit.report.job_shown import cause_text
from clusterkit.report.tables import BAD, GOOD, NOTHING, Blocks, cell, table
from clusterkit.results.jobs import JobsResult, ListedJob, LogLine, LogsResult, StopResult

_STYLES = {
    "running": GOOD,
    "starting": GOOD,
    **dict.fromkeys(("failed", "lost", "timed-out", "stalled"), BAD),
    **dict.fromkeys(("interrupted", "stopped", "stopping"), "yellow"),
}


def jobs_text(jobs: JobsResult, *, wide: bool = False) -> Blocks:
    """One row a job, the newest first; ``wide`` adds nodes, owner, cause and whole message."""
    if not jobs.jobs:
        return [f"No jobs on cluster {jobs.cluster}."]
    columns = ["JOB", "VERB", "STATE", "RANKS", "STARTED (UTC)", "TOOK", "MESSAGE"]
    if wide:
        columns[4:4] = ["NODES", "OWNER", "EXIT", "CAUSE"]
    whole = ["JOB", "VERB", "STATE", "STARTED (UTC)"]
    rows = table(*columns, right=["RANKS", "TOOK", "EXIT"], whole=whole)
    for job in jobs.jobs:
        values: list[str | Text] = [
            job.id,
            job.verb,
            Text(job.state, _STYLES.get(job.state, "")),
            str(job.ranks),
        ]
        if wide:
            cause = cause_text(job.cause) if job.cause else None
            values += [fold(job.nodes), job.owner, cell(job.exit_code), cell(cause)]
        started = job.started_at[:16].replace("T", " ")
        message = job.message if wide or not job.message else job.message.partition("\n")[0]
        rows.add_row(*values, started, _took(job), cell(message))
    return [rows]


def stop_text(stop: StopResult, *, wide: bool = False) -> Blocks:
    """Whether the job is over, and whether anything of it is left."""
    del wide
    if stop.was_running:
        line = f"Job {stop.job} stopped in {duration(stop.took_s)}."
    else:
        line = f"Job {stop.job} had ended before: {stop.state}."
    if not stop.left:
        return [f"{line} Nothing of it is left."]
    left = counted(len(stop.left), "thing is", "things are")
    return [line, Text(f"{left} left:", BAD), *(f"  ! {what}" for what in stop.left)]


def logs_text(logs: LogsResult, *, wide: bool = False) -> Blocks:
    """The lines as they are; of several ranks, each line leads with its rank."""
    ranks = {line.rank for line in logs.lines}
    if len(ranks) < 2 and not wide:
        return [line.text for line in logs.lines]
    return [log_line(line) for line in logs.lines]


def log_line(line: LogLine) -> str:
    """One line, led by its rank, for logs that are followed."""
    return f"{_who(line.rank):<8} | {line.text}"


def _who(rank: int | None) -> str:
    return "launcher" if rank is None else f"rank {rank}"


def _took(job: ListedJob) -> str:
    if job.ended_at is None:
        return NOTHING
    span = datetime.fromisoformat(job.ended_at) - datetime.fromisoformat(job.started_at)
    return duration(max(0.0, span.total_seconds()))  # clocks are set

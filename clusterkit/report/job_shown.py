"""``jobs show``, and verbs that leave a job running."""

from __future__ import annotations

from rich.text import Text

from clusterkit.quantities import counted, duration
from clusterkit.report.folding import fold
from clusterkit.report.tables import BAD, FAINT, GOOD, Block, Blocks, cell, grid, table
from clusterkit.results.jobs import DetachedResult, JobCause, JobShown, ShownRank
from clusterkit.results.status import ServerStatus

_LINES = 3
"""So many last lines of a rank; `-o wide` and JSON have all that were kept."""


def job_shown_text(job: JobShown, *, wide: bool = False) -> Blocks:
    """What it is, its ranks, and their last lines."""
    blocks: list[Block] = [_head(job), "", _ranks(job, wide=wide)]
    if job.attempts:
        blocks += ["", _attempts(job)]
    many = len(job.ranks) > 1
    for rank in job.ranks:
        lines = rank.last_lines if wide else rank.last_lines[-_LINES:]
        if lines:
            blocks.append("")
            lead = f"rank {rank.rank} | " if many else ""
            blocks += [f"{lead}{line}" for line in lines]
    if wide and job.launcher_lines:
        blocks += ["", *(f"launcher | {line}" for line in job.launcher_lines)]
    return blocks


def _head(job: JobShown) -> Block:
    lines = grid("left", "left")
    style = GOOD if job.state in ("done", "running") else BAD
    started = f"{job.started_at[:19].replace('T', ' ')} UTC, {duration(job.took_s)}"
    owner = "the supervisor (detached)" if job.owner == "supervisor" else "its controller"
    rows: list[tuple[str, str | Text]] = [
        ("job", f"{job.id} ({job.verb}) on cluster {job.cluster}"),
        ("state", Text(job.state, style)),
        ("started", started),
        ("owner", f"{owner}; supervisor: pid {job.supervisor_pid}"),
        ("logs", f"{job.nodes[0].name}:{job.logs}"),
    ]
    if job.server is not None and job.server.url:
        rows.append(("server", _server(job.server)))
    for name, value in rows:
        lines.add_row(Text(name, "bold"), value)
    if job.cause is not None:
        lines.add_row(Text("cause", "bold"), cause_text(job.cause))
    if job.message and job.message != job.state:
        lines.add_row(Text("message", "bold"), job.message)
    silent = [f"{node.name} {duration(node.heard_s)} ago" for node in job.nodes if node.heard_s]
    if silent:
        lines.add_row(Text("heard", "bold"), ", ".join(silent))
    return lines


def _server(server: ServerStatus) -> Text:
    """``smollm2-135m at http://127.0.0.1:8000 (by `clusterkit proxy`), ready``."""
    by = " (by `clusterkit proxy`)" if server.via == "proxy" else ""
    state = Text("ready", GOOD) if server.ready else Text(f"not ready: {server.why}", BAD)
    return Text(f"{server.model or 'a model'} at {server.url}{by}, ").append_text(state)


def cause_text(cause: JobCause) -> str:
    """``signal SIGKILL, rank 1, node2``."""
    parts = [cause.kind]
    if cause.signal:
        parts[0] += f" {cause.signal}"
    elif cause.exit_code is not None:
        parts[0] += f" {cause.exit_code}"
    parts += [] if cause.rank is None else [f"rank {cause.rank}"]
    parts += [] if cause.node is None else [cause.node]
    return ", ".join(parts)


def _ranks(job: JobShown, *, wide: bool) -> Block:
    columns = ["RANK", "NODE", "PID", "STATE", "ENDED"]
    if wide:
        columns.insert(4, "PROCESS")
    rows = table(*columns, right=["RANK", "PID"], whole=["NODE", "STATE"])
    for rank in job.ranks:
        values: list[str | Text] = [str(rank.rank), rank.node, cell(rank.pid), rank.state]
        if wide:
            values.append(cell(rank.process))
        rows.add_row(*values, cell(_how(rank)))
    return rows


def _how(rank: ShownRank) -> str | None:
    if rank.signal:
        return rank.signal
    return None if rank.exit_code is None else f"exit {rank.exit_code}"


def _attempts(job: JobShown) -> Block:
    rows = table("ATTEMPT", "STARTED (UTC)", "OUTCOME", "MESSAGE", whole=["STARTED (UTC)"])
    for number, attempt in enumerate(job.attempts, 1):
        started = attempt.started_at[:19].replace("T", " ")
        first_line = attempt.message.partition("\n")[0]
        rows.add_row(str(number), started, Text(attempt.outcome, BAD), first_line)
    return rows


def detached_text(result: DetachedResult, *, wide: bool = False) -> Blocks:
    """The job's name alone: for programs, and for people to copy."""
    del wide
    return [result.job]


def detached_help(result: DetachedResult) -> Text:
    """For people, on stderr: what runs where, and how to come back to it."""
    return Text(
        f"{counted(result.ranks, 'rank runs', 'ranks run')} on {fold(result.nodes)}, also without "
        f"this terminal\n  {result.attach}\n  {result.stop}",
        FAINT,
    )

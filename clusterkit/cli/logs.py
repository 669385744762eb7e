"""``clusterkit logs``: what the ranks of a job wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    InventoryOption,
    Output,
    OutputOption,
)

if TYPE_CHECKING:
    from clusterkit.model.jobs_options import LogsOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit logs --rank 1 -f"


def logs(
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="The job; default: the last.")
    ] = None,
    rank: Annotated[int | None, typer.Option("--rank", help="Only this rank.")] = None,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Go on until the job ends.")
    ] = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Show what the ranks of a job wrote, and mpirun."""
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "logs", {"job": job, "rank": rank, "follow": follow}, manner)


def perform(options: LogsOptions, manner: Manner, printer: Printer) -> None:
    """Read the log from the head; what is followed comes line by line."""
    from clusterkit.report.jobs import log_line
    from clusterkit.results.dry_run import DryRun
    from clusterkit.results.jobs import LogLine
    from clusterkit.use_cases.jobs import logs, logs_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("logs", logs_steps(session, options)))
        return
    if manner.output == "json":
        printer.result(logs(session, options, None))
        return
    followed = 0

    def show(line: LogLine) -> None:
        nonlocal followed
        followed += 1
        printer.show(log_line(line) if options.rank is None else line.text)

    log = logs(session, options, show if options.follow else None)
    if log.lines:
        printer.result(log)
    elif not followed:
        who = "Job" if options.rank is None else f"Rank {options.rank} of job"
        printer.message(f"{who} {log.job} wrote nothing to stdout or stderr.")

"""``clusterkit jobs``: what ran and what runs, and one job whole."""

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
    from clusterkit.model.jobs_options import JobsOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit jobs show infer-7f3a2c"


def jobs(
    action: Annotated[str, typer.Argument(metavar="ls|show", help="What to do.")] = "ls",
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="For show; default: the last.")
    ] = None,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """List the jobs of the cluster, the newest first, or show all of one."""
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "jobs", {"action": action, "job": job}, manner)


def perform(options: JobsOptions, manner: Manner, printer: Printer) -> None:
    """Ask the head."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.jobs import jobs, jobs_steps, show_steps
    from clusterkit.use_cases.server_shown import show_with_server
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    is_show = options.action == "show"
    if manner.dry_run:
        steps = show_steps(session, options) if is_show else jobs_steps(session)
        printer.result(DryRun.of("jobs", steps))
    else:
        printer.result(show_with_server(session, options) if is_show else jobs(session))

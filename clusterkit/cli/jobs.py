"""``clusterkit jobs``: what ran and what runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    InventoryOption,
    Output,
    OutputOption,
)

if TYPE_CHECKING:
    from clusterkit.model.options import JobsOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit jobs"


def jobs(
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """List the jobs of the cluster, the newest first."""
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "jobs", {}, manner)


def perform(options: JobsOptions, manner: Manner, printer: Printer) -> None:
    """Ask the head."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.jobs import jobs, jobs_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("jobs", jobs_steps(session)))
    else:
        printer.result(jobs(session))

"""``clusterkit stop``: end a job."""

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
    from clusterkit.model.jobs_options import StopOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit stop infer-7f3a2c"


def stop(
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="The job; default: the one that runs.")
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Kill its ranks: a server does not end its requests.")
    ] = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """End a job on every node, and look that nothing of it is left."""
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "stop", {"job": job, "now": now}, manner)


def perform(options: StopOptions, manner: Manner, printer: Printer) -> int:
    """Ask the supervisor, wait, look."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.jobs import stop, stop_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("stop", stop_steps(session, options)))
        return 0
    result = stop(session, options)
    printer.result(result)
    return 1 if result.left else 0

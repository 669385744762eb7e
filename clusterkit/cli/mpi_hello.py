"""``clusterkit mpi-hello``: is it one MPI cluster?"""

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
    from clusterkit.model.run_options import HelloOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit mpi-hello --ranks 4"


def mpi_hello(
    ranks: Annotated[
        int | None, typer.Option("-n", "--ranks", help="How many; default: one for each slot.")
    ] = None,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="End the job after this long.")
    ] = 60.0,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Let every rank report where it runs, and check it.

    What the ranks say is compared with the placement; a rank that is missing or on another
    node is named.
    """
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "mpi-hello", {"ranks": ranks, "timeout_s": timeout_s}, manner)


def perform(options: HelloOptions, manner: Manner, printer: Printer) -> int:
    """Run and compare."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.mpi_hello import mpi_hello, mpi_hello_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which).crew
    if manner.dry_run:
        printer.result(DryRun.of("mpi-hello", mpi_hello_steps(session, options)))
        return 0
    with printer.progress() as sink:
        result = mpi_hello(session, options, sink=sink)
    printer.result(result)
    return 0 if result.ok else 1

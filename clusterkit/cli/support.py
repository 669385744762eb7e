"""``clusterkit support``: a bundle for a report of a fault, with secrets masked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    InventoryOption,
    Output,
    OutputOption,
    OverwriteOption,
)

if TYPE_CHECKING:
    from clusterkit.model.options import SupportOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit support --out fault.tar.gz"


def support(
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The file to write; default: a name with the time."),
    ] = None,
    force: OverwriteOption = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Write what a report of a fault needs into one file, with secrets masked.

    What cannot be collected, because a node is down or a record is damaged, is told. Look into
    the file before you hand it on: names and addresses of machines are in it.
    """
    values = {"out": out, "force": force}
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "support", values, manner)


def perform(options: SupportOptions, manner: Manner, printer: Printer) -> None:
    """Collect, write and show what is inside."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import support as use_case

    if manner.dry_run:
        printer.result(DryRun.of("support", use_case.support_steps(manner.which)))
        return
    with printer.progress() as sink:
        result = use_case.support(manner.which, options, sink=sink)
    printer.result(result)

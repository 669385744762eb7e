"""``clusterkit check``: is the inventory right, and what does it mean?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import DryRunOption, Output, OutputOption

if TYPE_CHECKING:
    from clusterkit.model.describe_options import CheckOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit check inventories/docker-pair.yaml"


def check(
    file: Annotated[Path, typer.Argument(metavar="INVENTORY", help="The inventory file.")],
    live: Annotated[
        bool, typer.Option("--live", help="Look at its machines, and tell what is otherwise.")
    ] = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Check an inventory, and show the cluster that it means."""
    run(perform, "check", {"file": file, "live": live}, Manner(output.value, dry_run))


def perform(options: CheckOptions, manner: Manner, printer: Printer) -> None:
    """Load and show; without ``--live`` a dry run is the same, for nothing is touched."""
    if options.live:
        _perform_live(options, manner, printer)
        return
    from clusterkit.use_cases.check import check

    printer.result(check(options.file))


def _perform_live(options: CheckOptions, manner: Manner, printer: Printer) -> None:
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.check_live import check_live, check_steps

    if manner.dry_run:
        printer.result(DryRun.of("check", check_steps(options.file)))
    else:
        printer.result(check_live(options.file))

"""``clusterkit up``: make the cluster of an inventory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, ask, run
from clusterkit.cli.words import DryRunOption, LockWaitOption, Output, OutputOption, YesOption

if TYPE_CHECKING:
    from clusterkit.model.options import UpOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit up inventories/docker-pair.yaml"


def up(
    file: Annotated[Path, typer.Argument(metavar="INVENTORY", help="The inventory file.")],
    yes: YesOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
    lock_wait: LockWaitOption = 0,
) -> None:
    """Make the cluster of an inventory, or make it so again.

    Shows the plan and asks before anything is changed; the second run has 0 changes.
    """
    run(perform, "up", {"file": file}, Manner(output.value, dry_run, yes, lock_wait_s=lock_wait))


def perform(options: UpOptions, manner: Manner, printer: Printer) -> None:
    """Plan, ask, apply."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import up as use_case

    if manner.dry_run:
        printer.result(DryRun.of("up", use_case.up_steps(options.file)))
        return
    if not manner.yes:
        with printer.progress() as sink:
            planned = use_case.plan(options.file, sink=sink)
        if planned.changes:
            ask(planned, "Apply these changes?", printer)
    with printer.progress() as sink:
        result = use_case.up(options.file, sink=sink, lock_wait_s=manner.lock_wait_s)
    printer.result(result)

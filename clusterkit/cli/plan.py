"""``clusterkit plan``: what ``up`` would do now."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import DryRunOption, Output, OutputOption

if TYPE_CHECKING:
    from clusterkit.model.up_options import PlanOptions
    from clusterkit.report.console import Printer

CHANGES_PENDING = 6

EXAMPLE = "clusterkit plan inventories/docker-pair.yaml --exit-code"


def plan(
    file: Annotated[Path, typer.Argument(metavar="INVENTORY", help="The inventory file.")],
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 6 when there are changes.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it to a file for `up --from-plan`."),
    ] = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Look at the machines, and print what `up` would change."""
    values = {"file": file, "exit_code": exit_code, "out": out}
    run(perform, "plan", values, Manner(output.value, dry_run))


def perform(options: PlanOptions, manner: Manner, printer: Printer) -> int:
    """Look and show the difference."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import up as use_case
    from clusterkit.use_cases.plan_file import refuse_other_file, save_plan

    if manner.dry_run:
        printer.result(DryRun.of("plan", use_case.up_steps(options.file)))
        return 0
    if options.out:
        refuse_other_file(options.out)
    with printer.progress() as sink:
        planned = use_case.plan(options.file, sink=sink)
    if options.out:
        save_plan(planned, options.file, options.out)
    printer.result(planned)
    return CHANGES_PENDING if options.exit_code and planned.changes else 0

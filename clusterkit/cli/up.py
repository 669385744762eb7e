"""``clusterkit up``: make the cluster of an inventory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, ask, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    LockWaitOption,
    Output,
    OutputOption,
    YesOption,
)

if TYPE_CHECKING:
    from clusterkit.model.up_options import UpOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit up inventories/docker-pair.yaml"


def up(
    file: Annotated[
        Path | None, typer.Argument(metavar="INVENTORY", help="The inventory file.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the `up` that was interrupted.")
    ] = False,
    from_plan: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Apply exactly what `plan --out` wrote; asks nothing."),
    ] = None,
    cluster: ClusterOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
    lock_wait: LockWaitOption = 0,
) -> None:
    """Make the cluster of an inventory, or make it so again.

    Shows the plan and asks before anything is changed; the second run has 0 changes. It may be
    interrupted at any moment: the same command goes on, or `--resume`, which needs no file.
    """
    manner = Manner(output.value, dry_run, yes, cluster, lock_wait_s=lock_wait)
    run(perform, "up", {"file": file, "resume": resume, "from_plan": from_plan}, manner)


def perform(options: UpOptions, manner: Manner, printer: Printer) -> None:
    """Plan, ask, apply."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import up as use_case
    from clusterkit.use_cases.plan_file import Agreed, load_plan
    from clusterkit.use_cases.resume import resumable, tell

    found = resumable(manner.which) if options.resume else None
    agreed = Agreed(load_plan(options.from_plan)) if options.from_plan else None
    file = found.file if found else agreed.inventory if agreed else options.file
    assert file is not None  # noqa: S101 - the options say one of the three
    if manner.dry_run:
        printer.result(DryRun.of("up", use_case.up_steps(file)))
        return
    if found:
        with printer.progress() as sink:
            tell(found, sink)
    if not (manner.yes or agreed):
        with printer.progress() as sink:
            planned = use_case.plan(file, sink=sink)
        if planned.changes:
            ask(planned, "Apply these changes?", printer)
    with printer.progress() as sink:
        result = use_case.up(file, sink=sink, lock_wait_s=manner.lock_wait_s, agreed=agreed)
    printer.result(result.model_copy(update={"resumed": found.told if found else None}))

"""``clusterkit sweep``: remove what crashed runs left behind, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, agree, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    InventoryOption,
    LockWaitOption,
    Output,
    OutputOption,
    YesOption,
)

if TYPE_CHECKING:
    from clusterkit.model.sweep_options import SweepOptions
    from clusterkit.report.console import Printer
    from clusterkit.results.sweep import SweepResult

EXAMPLE = "clusterkit sweep --yes"


def sweep(
    nodes: Annotated[
        str, typer.Argument(metavar="[NODES]", help="Of the cluster's nodes, these only.")
    ] = "@all",
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
    lock_wait: LockWaitOption = 0,
) -> None:
    """Find what crashed runs left here, on Docker and on the cluster's nodes, and remove it.

    With -c or --inventory only what was left of that cluster.

    Nothing of a job that lives, of a cluster that is up, of another user or without our mark is
    touched. What looks like ours and stays is told, with the reason.
    """
    manner = Manner(output.value, dry_run, yes, cluster, inventory, lock_wait)
    run(perform, "sweep", {"nodes": nodes}, manner)


def perform(options: SweepOptions, manner: Manner, printer: Printer) -> int:
    """Look, ask, remove, look again."""
    from clusterkit.quantities import counted
    from clusterkit.report.views import view
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import sweep as use_case

    scope = use_case.Scope.of(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("sweep", use_case.sweep_steps(scope, options)))
        return 0
    with printer.progress() as sink:
        plan = use_case.look(scope, options, sink=sink)
    result = plan.shown
    if result.found:
        if not manner.yes:
            printer.message(*view(result))
            agree(f"Remove {counted(len(result.found), 'thing')}?")
        with printer.progress() as sink:
            result = use_case.sweep(scope, options, plan, sink=sink)
    printer.result(result)
    return _exit_code(result)


def _exit_code(result: SweepResult) -> int:
    if result.left:
        return 1
    return 3 if any(row.is_node for row in result.unseen) else 0

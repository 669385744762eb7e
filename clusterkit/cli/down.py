"""``clusterkit down``: take a cluster away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusterkit.cli.run import Manner, ask, run
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
    from clusterkit.model.options import DownOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit down --yes"


def down(
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
    lock_wait: LockWaitOption = 0,
) -> None:
    """Remove the cluster, and look that nothing is left.

    Containers, network, keys and files go; a folder that the inventory binds stays.
    """
    run(
        perform,
        "down",
        {},
        Manner(output.value, dry_run, yes, cluster, inventory, lock_wait),
    )


def perform(options: DownOptions, manner: Manner, printer: Printer) -> int:
    """Ask, remove, look again."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import down as use_case
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("down", use_case.down_steps(session)))
        return 0
    if not manner.yes:
        with printer.progress() as sink:
            planned = use_case.plan_down(session, sink=sink)
        ask(planned, f"Remove cluster {planned.cluster}?", printer)
    with printer.progress() as sink:
        result = use_case.down(session, sink=sink)
    printer.result(result)
    return 1 if result.left else 0

"""``clusterkit audit``: who did what to the cluster."""

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
    from clusterkit.model.audit_options import AuditOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit audit --since 2h"


def audit(
    last: Annotated[
        int, typer.Option("-n", "--last", metavar="N", help="At most so many; 0: all.")
    ] = 50,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="`30m`, `2h`, `7d`, or a time in UTC.")
    ] = None,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Show who did what to the cluster, when and from where; the newest last.

    The cluster keeps the record, and this machine a copy of its own part, also after `down`.
    """
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "audit", {"last": last, "since": since}, manner)


def perform(options: AuditOptions, manner: Manner, printer: Printer) -> None:
    """Ask the head, and read what this machine has."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import audit as use_case
    from clusterkit.use_cases.session import find

    if manner.dry_run:
        printer.result(DryRun.of("audit", use_case.audit_steps(find(manner.which))))
    else:
        printer.result(use_case.audit(manner.which, options))

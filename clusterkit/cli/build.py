"""``clusterkit build``: the model or its engine, once, on the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    ForceOption,
    InventoryOption,
    LockWaitOption,
    Output,
    OutputOption,
)

if TYPE_CHECKING:
    from clusterkit.model.options import BuildOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit build --verify"


def build(
    model: Annotated[str | None, typer.Option("--model", help="Another model.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read every file again.")] = False,
    force: ForceOption = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
    lock_wait: LockWaitOption = 0,
) -> None:
    """Fetch and convert the model, or build its engine, once; place it on the storage.

    What is there and whole is left as it is.
    """
    manner = Manner(
        output.value, dry_run, cluster=cluster, inventory=inventory, lock_wait_s=lock_wait
    )
    run(perform, "build", {"model": model, "verify": verify, "force": force}, manner)


def perform(options: BuildOptions, manner: Manner, printer: Printer) -> None:
    """Build and show."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import build as use_case
    from clusterkit.use_cases.session import find

    session = find(manner.which).crew
    if manner.dry_run:
        printer.result(DryRun.of("build", use_case.build_steps(session, options)))
        return
    with printer.progress() as sink:
        result = use_case.build(session, options, sink=sink)
    printer.result(result)

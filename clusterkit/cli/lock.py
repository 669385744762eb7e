"""``clusterkit lock``: who holds the cluster's lock, or release it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, agree, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    InventoryOption,
    Output,
    OutputOption,
    YesOption,
)

if TYPE_CHECKING:
    from clusterkit.model.lock_options import LockOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit lock status"


def lock(
    action: Annotated[
        str, typer.Argument(metavar="status|release", help="What to do.")
    ] = "status",
    force: Annotated[
        bool, typer.Option("--force", help="Release it though its holder lives.")
    ] = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Show who holds the lock of a cluster, or release it.

    A holder gives a sign of life every 10 s; 60 s after the last one, the next verb takes over.
    """
    manner = Manner(output.value, dry_run, yes, cluster, inventory)
    run(perform, "lock", {"action": action, "force": force}, manner)


def perform(options: LockOptions, manner: Manner, printer: Printer) -> None:
    """Look, ask where the holder lives, release."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import lock_verb as use_case
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("lock", use_case.lock_steps(session, options)))
        return
    if options.action == "status":
        printer.result(use_case.look_at_lock(session))
        return
    if options.force and not manner.yes:
        seen = use_case.look_at_lock(session)
        if seen.holder is not None and seen.holder.life == "living":
            printer.result(seen)
            agree(f"Take the lock of cluster {seen.cluster} from {seen.holder.user}, who lives?")
    printer.result(use_case.release_lock(session, options))

"""``clusterkit keys``: show a cluster's keys, or replace them."""

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
    from clusterkit.model.options import KeysOptions
    from clusterkit.report.console import Printer
    from clusterkit.results.keys import KeysResult
    from clusterkit.use_cases.session import Session

EXAMPLE = "clusterkit keys rotate --only hosts"


def keys(
    action: Annotated[str, typer.Argument(metavar="show|rotate", help="What to do.")] = "show",
    only: Annotated[
        str | None, typer.Option(metavar="operator|head|hosts", help="Rotate these only.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Rotate while jobs run.")] = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
    lock_wait: LockWaitOption = 0,
) -> None:
    """Show the keys of a cluster, or replace them while it is up.

    The new keys are added and tried before they are used; the old ones are taken away last, and
    seen refused. A rotation that was interrupted is finished by running it again.
    """
    values = {"action": action, "only": only, "force": force}
    manner = Manner(output.value, dry_run, yes, cluster, inventory, lock_wait)
    run(perform, "keys", values, manner)


def perform(options: KeysOptions, manner: Manner, printer: Printer) -> int:
    """Show or replace; exit 1 where a key differs, 3 or 4 where some or no node can be asked."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import keys as use_case
    from clusterkit.use_cases.keys_show import show, show_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which).present
    if manner.dry_run:
        is_show = options.action == "show"
        steps = show_steps(session) if is_show else use_case.rotate_steps(session, options)
        printer.result(DryRun.of("keys", steps))
        return 0
    result = (
        show(session) if options.action == "show" else _rotate(session, options, manner, printer)
    )
    printer.result(result)
    return _exit_code(result)


def _rotate(
    session: Session, options: KeysOptions, manner: Manner, printer: Printer
) -> KeysResult:
    from clusterkit.use_cases import keys as use_case

    names = use_case.rotated_names(session.cluster, options.only)
    if not manner.yes:
        what = f"Replace {', '.join(names)} of cluster {session.cluster.name}?"
        agree(what)
    with printer.progress() as sink:
        return use_case.rotate(session, options, sink=sink)


def _exit_code(result: KeysResult) -> int:
    states = [key.state for key in result.keys]
    if "differs" in states or "missing" in states:
        return 1
    hosts = [key.state for key in result.keys if key.key == "host"]
    if "unknown" not in states:
        return 0
    return 3 if "same" in hosts else 4

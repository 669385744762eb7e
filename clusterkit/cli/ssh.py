"""``clusterkit ssh``: a shell on a node."""

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
    from clusterkit.model.options import SshOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit ssh node2"


def ssh(
    node: Annotated[str, typer.Argument(metavar="NODE", help="The node.")],
    argv: Annotated[
        list[str] | None,
        typer.Argument(metavar="ARGV", help="A command, after `--`; default: a shell."),
    ] = None,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Open a shell on a node.

    With the cluster's own key, and with its host keys verified.
    """
    values = {"node": node, "argv": tuple(argv or ())}
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "ssh", values, manner)


def perform(options: SshOptions, manner: Manner, printer: Printer) -> None:
    """Become ssh."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.transports.terminal import replace_process
    from clusterkit.use_cases.session import find
    from clusterkit.use_cases.ssh import ssh_argv, ssh_steps

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("ssh", ssh_steps(session, options.node, options.argv)))
    else:
        replace_process(ssh_argv(session, options.node, options.argv))

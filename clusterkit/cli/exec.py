"""``clusterkit exec``: one command on nodes."""

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
    from clusterkit.model.options import ExecOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit exec node[1-2] -- nproc"


def exec_(
    nodes: Annotated[
        str, typer.Argument(metavar="NODES", help="`node[1-2]`, `@workers`, `@all`.")
    ],
    argv: Annotated[list[str], typer.Argument(metavar="ARGV", help="The command, after `--`.")],
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="End it after this long.")
    ] = None,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Run a command on nodes, many at once.

    Identical output is folded under one node set.
    """
    values = {"nodes": nodes, "argv": tuple(argv), "timeout_s": timeout_s}
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "exec", values, manner)


def perform(options: ExecOptions, manner: Manner, printer: Printer) -> int:
    """Run and show; the exit code is the command's own where it is the same everywhere."""
    from clusterkit.use_cases.exec import exec_steps, execute
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        from clusterkit.results.dry_run import DryRun

        printer.result(DryRun.of("exec", exec_steps(session, options)))
        return 0
    result, code = execute(session, options)
    printer.result(result)
    return code

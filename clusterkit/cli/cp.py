"""``clusterkit cp``: files to and from nodes."""

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
    from clusterkit.model.options import CpOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit cp prompts.jsonl node[1-2]:/data/"


def cp(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE", help="Path or NODES:PATH.")],
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="Path or NODES:PATH; a folder ends with `/`.")
    ],
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Copy files to nodes, or from nodes."""
    values = {"sources": tuple(sources), "target": target}
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "cp", values, manner)


def perform(options: CpOptions, manner: Manner, printer: Printer) -> None:
    """Copy and show."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.cp import copy, copy_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("cp", copy_steps(session, options)))
    else:
        printer.result(copy(session, options))

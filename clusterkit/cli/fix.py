"""``clusterkit fix``: patch an installed TensorRT-LLM, or put it back."""

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
    from clusterkit.model.fix_options import FixOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit fix apply --gpus-per-node 1"


def fix(
    action: Annotated[
        str, typer.Argument(metavar="apply|status|revert", help="What to do.")
    ] = "status",
    path: Annotated[
        str | None,
        typer.Argument(metavar="PATH", help="The package; default: what each Python imports."),
    ] = None,
    nodes: Annotated[str, typer.Option(metavar="NODES", help="Some nodes only.")] = "@all",
    gpus_per_node: Annotated[
        int | None, typer.Option(metavar="N", help="Default: the GPUs of each node.")
    ] = None,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Patch TensorRT-LLM on nodes, which assumes 8 GPUs per node, or put it back.

    For scripts of your own: `infer` needs no patch. Each file keeps its original beside it; what
    is not recognised, or was changed since, is not touched.
    """
    values = {"action": action, "path": path, "nodes": nodes, "gpus_per_node": gpus_per_node}
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "fix", values, manner)


def perform(options: FixOptions, manner: Manner, printer: Printer) -> int:
    """Do it and show; exit 1 where it was refused, 3 on some nodes only, 4 unreachable."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import fix as use_case
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("fix", use_case.fix_steps(session, options)))
        return 0
    result, code = use_case.fix(session, options)
    printer.result(result)
    return code

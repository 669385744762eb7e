"""``clusterkit run``: a script of one's own on the cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ClusterOption,
    DetachOption,
    DryRunOption,
    InventoryOption,
    Output,
    OutputOption,
    RestartOption,
    RetriesOption,
    StallTimeoutOption,
)

if TYPE_CHECKING:
    from clusterkit.model.run_options import RunOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit run --launcher torchrun --per-node 2 train.py --steps 10"
SETTINGS = {"allow_interspersed_args": False}
"""What follows the script is the script's."""


def run_(
    script: Annotated[
        str, typer.Argument(metavar="SCRIPT", help="A Python file here, or a path on the nodes.")
    ],
    args: Annotated[
        list[str] | None, typer.Argument(metavar="ARGS", help="What the script is given.")
    ] = None,
    launcher: Annotated[
        str, typer.Option("--launcher", metavar="NAME", help="`mpirun` or `torchrun`.")
    ] = "mpirun",
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="FILE", help="Travels beside the script; repeatable."),
    ] = None,
    chdir: Annotated[
        str | None,
        typer.Option("--chdir", metavar="FOLDER", help="Where ranks run on the nodes."),
    ] = None,
    nodes: Annotated[
        str, typer.Option("--nodes", metavar="NODES", help="Some nodes only: `node[1-2]`.")
    ] = "@all",
    ranks: Annotated[
        int | None, typer.Option("-n", "--ranks", help="How many; default: one for each slot.")
    ] = None,
    per_node: Annotated[
        int | None, typer.Option("--per-node", help="So many ranks on each node.")
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="End it after this long.")
    ] = None,
    stall_timeout_s: StallTimeoutOption = None,
    detach: DetachOption = False,
    restart: RestartOption = 0,
    retries: RetriesOption = 0,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Run a Python script as ranks over the nodes.

    Each finds RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and their like in its environment. A file
    of this machine travels with the job. Options of `run` come before the script.
    """
    values = {
        "script": script,
        "args": tuple(args or ()),
        "launcher": launcher,
        "files": tuple(file or ()),
        "chdir": chdir,
        "nodes": nodes,
        "ranks": ranks,
        "per_node": per_node,
        "timeout_s": timeout_s,
        "stall_timeout_s": stall_timeout_s,
        "detach": detach,
        "restart": restart,
        "retries": retries,
    }
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "run", values, manner)


def perform(options: RunOptions, manner: Manner, printer: Printer) -> None:
    """Run, pass on what ranks write, and end with one line or the JSON."""
    from clusterkit.report.run import RunView
    from clusterkit.results.dry_run import DryRun
    from clusterkit.results.jobs import DetachedResult
    from clusterkit.use_cases.run_script import asked_for, run_script, run_script_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("run", run_script_steps(session, options)))
        return
    placement, _ = asked_for(session.cluster, options)
    view = RunView(printer, placement.world_size)
    result = run_script(session, options, sink=view)
    if isinstance(result, DetachedResult):
        printer.detached(result)
    elif manner.output == "json":
        printer.result(result)
    else:
        view.summary(result)

"""``clusterkit serve``: answer over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ClusterOption,
    DetachOption,
    DryRunOption,
    ForceOption,
    InventoryOption,
    Output,
    OutputOption,
    RestartOption,
)

if TYPE_CHECKING:
    from clusterkit.model.serve_options import ServeOptions
    from clusterkit.report.console import Printer
    from clusterkit.results.serve import ServeResult

EXAMPLE = "clusterkit serve --port 8000"


def serve(
    port: Annotated[int, typer.Option("--port", help="The port on the head.")] = 8000,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Listen here; default: the head's address on the cluster network.",
        ),
    ] = None,
    tp: Annotated[int | None, typer.Option("--tp", help="Tensor parallel size.")] = None,
    pp: Annotated[int | None, typer.Option("--pp", help="Pipeline parallel size.")] = None,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="triton", help="Serve it by Triton.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Another model.")] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="End it after this long.")
    ] = None,
    detach: DetachOption = False,
    restart: RestartOption = 0,
    force: ForceOption = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Serve the model over HTTP, split over the ranks, until Ctrl-C, or `stop` with --detach.

    The URL is printed once a real completion came back. The engine is built first where it is
    not there.
    """
    values = {
        "port": port,
        "host": host,
        "tp": tp,
        "pp": pp,
        "engine": engine,
        "model": model,
        "timeout_s": timeout_s,
        "detach": detach,
        "restart": restart,
        "force": force,
    }
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "serve", values, manner)


def perform(options: ServeOptions, manner: Manner, printer: Printer) -> None:
    """Serve, and say where as soon as it answers."""
    from contextlib import ExitStack

    from clusterkit.report.serve import serve_help
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.serve import serve, serve_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which).crew
    if manner.dry_run:
        printer.result(DryRun.of("serve", serve_steps(session, options)))
        return

    def ready(result: ServeResult) -> None:
        stack.close()  # a view that redraws itself would write over the URL
        printer.result(result)
        if manner.output != "json":
            printer.message(serve_help(result))

    with ExitStack() as stack:
        sink = stack.enter_context(printer.progress())
        serve(session, options, sink=sink, on_ready=ready)

"""``clusterkit proxy``: reach a server that runs on."""

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
    from clusterkit.model.serve_options import ProxyOptions
    from clusterkit.report.console import Printer
    from clusterkit.results.serve import ProxyResult

EXAMPLE = "clusterkit proxy --port 9000"


def proxy(
    job: Annotated[
        str | None,
        typer.Argument(metavar="JOB", help="The server; default: the last that runs."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", help="On this machine; default: the server's own, if it is free."),
    ] = None,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Keep a tunnel from this machine to a server, until Ctrl-C or its end.

    The server runs on after Ctrl-C. While it restarts, connections are refused.
    """
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "proxy", {"job": job, "port": port}, manner)


def perform(options: ProxyOptions, manner: Manner, printer: Printer) -> None:
    """Keep it, and say where."""
    from clusterkit.report.serve import proxy_help
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.proxy import proxy, proxy_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("proxy", proxy_steps(session, options)))
        return

    def ready(result: ProxyResult) -> None:
        printer.result(result)
        if manner.output != "json":
            printer.message(proxy_help(result))

    proxy(session, options, ready)

"""``clusterkit serve``: answer over HTTP."""

from __future__ import annotations

from pathlib import Path
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
    RetriesOption,
)

if TYPE_CHECKING:
    from clusterkit.model.serve_options import ServeOptions
    from clusterkit.report.console import Printer
    from clusterkit.results.serve import ServeResult

EXAMPLE = "clusterkit serve --pp 2 --port 8000 --api-key-file keys.txt --detach"


def serve(
    port: Annotated[int, typer.Option("--port", help="The port on the head.")] = 8000,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="Listen here on the head; default: 127.0.0.1, and a tunnel leads there.",
        ),
    ] = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(
            "--api-key-file", metavar="FILE", help="Answer only who has one of these keys."
        ),
    ] = None,
    tp: Annotated[int | None, typer.Option("--tp", help="Tensor parallel size.")] = None,
    pp: Annotated[int | None, typer.Option("--pp", help="Pipeline parallel size.")] = None,
    replicas: Annotated[
        int,
        typer.Option("--replicas", metavar="N", help="N copies of tp x pp ranks, one address."),
    ] = 1,
    engine: Annotated[
        str | None, typer.Option("--engine", metavar="triton", help="Serve it by Triton.")
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Another model.")] = None,
    compile: Annotated[  # noqa: A002 - as it is typed
        str | None,
        typer.Option("--compile", metavar="off|auto", help="auto: faster on GPUs, starts later."),
    ] = None,
    max_batch: Annotated[
        int | None,
        typer.Option("--max-batch", metavar="N", help="Requests at once; default: 16."),
    ] = None,
    max_queue: Annotated[
        int | None,
        typer.Option("--max-queue", metavar="N", help="Requests that may wait; default: 256."),
    ] = None,
    max_prompt_tokens: Annotated[
        int | None,
        typer.Option("--max-prompt-tokens", metavar="N", help="Of one request."),
    ] = None,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", metavar="N", help="New ones, of one request.")
    ] = None,
    request_timeout_s: Annotated[
        float | None,
        typer.Option("--request-timeout", metavar="SECONDS", help="Of one request; default: 600."),
    ] = None,
    drain_s: Annotated[
        float | None,
        typer.Option(
            "--drain",
            metavar="SECONDS",
            help="So long may requests go on at the end; default: 30.",
        ),
    ] = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="End it after this long.")
    ] = None,
    detach: DetachOption = False,
    restart: RestartOption = 0,
    retries: RetriesOption = 0,
    force: ForceOption = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Serve the model over HTTP, split over the ranks, until Ctrl-C, or `stop` with --detach.

    The URL is printed once a real completion came back, and works from here. What is to be built
    is built first where it is not there.
    """
    values = {
        "port": port,
        "host": host,
        "api_key_file": api_key_file,
        "tp": tp,
        "pp": pp,
        "replicas": replicas,
        "engine": engine,
        "model": model,
        "compile": compile,
        "max_batch": max_batch,
        "max_queue": max_queue,
        "max_prompt_tokens": max_prompt_tokens,
        "max_tokens": max_tokens,
        "request_timeout_s": request_timeout_s,
        "drain_s": drain_s,
        "timeout_s": timeout_s,
        "detach": detach,
        "restart": restart,
        "retries": retries,
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

    session = find(manner.which)
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

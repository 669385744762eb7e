"""``clusterkit infer``: ask the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ApiKeyFileOption,
    ClusterOption,
    DetachOption,
    DryRunOption,
    ForceOption,
    InventoryOption,
    Output,
    OutputOption,
    RestartOption,
    RetriesOption,
    StallTimeoutOption,
)

if TYPE_CHECKING:
    from clusterkit.model.infer_options import InferOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit infer --prompt 'What is the capital of France?'"


def infer(
    prompt: Annotated[
        list[str] | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="A prompt; may be repeated."),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option("--prompts", metavar="FILE", help="Prompts, a JSON string a line; -: stdin."),
    ] = None,
    system: Annotated[str | None, typer.Option("--system", help="The system prompt.")] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Go on with the text: no chat template.")
    ] = False,
    max_tokens: Annotated[int, typer.Option("--max-tokens", help="At most this many new.")] = 128,
    temperature: Annotated[
        float, typer.Option("--temperature", help="0: the likeliest token (greedy).")
    ] = 0.0,
    top_p: Annotated[float, typer.Option("--top-p", help="Draw from this share of tokens.")] = 1.0,
    seed: Annotated[
        int | None, typer.Option("--seed", help="The same seed, the same text.")
    ] = None,
    logits: Annotated[
        int,
        typer.Option("--logits", metavar="K", help="JSON: the first token's K top logits."),
    ] = 0,
    tp: Annotated[int | None, typer.Option("--tp", help="Tensor parallel size.")] = None,
    pp: Annotated[int | None, typer.Option("--pp", help="Pipeline parallel size.")] = None,
    dp: Annotated[int | None, typer.Option("--dp", help="Data parallel size: replicas.")] = None,
    launcher: Annotated[
        str, typer.Option("--launcher", metavar="mpirun|torchrun", help="What starts the ranks.")
    ] = "mpirun",
    engine: Annotated[
        str | None,
        typer.Option("--engine", metavar="triton", help="Ask the Triton that runs."),
    ] = None,
    model: Annotated[str | None, typer.Option("--model", help="Another model.")] = None,
    cold: Annotated[
        bool, typer.Option("--cold", help="Load the model, though a server may have it.")
    ] = False,
    api_key_file: ApiKeyFileOption = None,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", help="End it after this long.")
    ] = None,
    stall_timeout_s: StallTimeoutOption = None,
    detach: DetachOption = False,
    restart: RestartOption = 0,
    retries: RetriesOption = 0,
    force: ForceOption = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Ask the model, split over the ranks; tokens stream to stdout.

    A server that runs and has this model answers at once. Else the model is loaded, and built
    first where it is not there. Greedy, unless a temperature is given.
    """
    values = {
        "prompt": tuple(prompt or ()),
        "prompts": prompts,
        "system": system,
        "raw": raw,
        "max_tokens": max_tokens,
        "temperature": temperature,
        "top_p": top_p,
        "seed": seed,
        "logits": logits,
        "tp": tp,
        "pp": pp,
        "dp": dp,
        "launcher": launcher,
        "engine": engine,
        "model": model,
        "cold": cold,
        "api_key_file": api_key_file,
        "timeout_s": timeout_s,
        "stall_timeout_s": stall_timeout_s,
        "detach": detach,
        "restart": restart,
        "retries": retries,
        "force": force,
    }
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "infer", values, manner)


def perform(options: InferOptions, manner: Manner, printer: Printer) -> None:
    """Run, stream, and end with the summary or the JSON."""
    from clusterkit.engines.base import engine_of
    from clusterkit.results.dry_run import DryRun
    from clusterkit.results.jobs import DetachedResult
    from clusterkit.use_cases.infer import infer, infer_steps, request_of
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    request = request_of(options)
    if manner.dry_run:
        printer.result(DryRun.of("infer", infer_steps(session, options, request)))
        return
    parse = engine_of(session.cluster.engine).parse
    with printer.infer(request.prompts, parse) as view:
        result = infer(session, options, request, sink=view)
    if isinstance(result, DetachedResult):
        printer.detached(result)
    elif manner.output == "json":
        printer.result(result)
    else:
        view.summary(result)

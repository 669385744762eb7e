"""``clusterkit doctor``: is the cluster fit for a job?"""

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
    from clusterkit.model.options import DoctorOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit doctor --gate"


def doctor(
    nodes: Annotated[
        str, typer.Argument(metavar="[NODES]", help="Some nodes, such as node[1-2].")
    ] = "@all",
    gate: Annotated[
        bool,
        typer.Option("--gate", help="Exit 1 if anything fails, and hold back build and infer."),
    ] = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Examine the cluster: network, logins, versions, limits, clocks, storage, a ring of ranks.

    Every line says what was looked at, on which nodes, what was seen, and what mends it. What
    Docker or the NVIDIA toolkit lacks is printed as the lines that install it; nothing is
    installed.
    """
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "doctor", {"nodes": nodes, "gate": gate}, manner)


def perform(options: DoctorOptions, manner: Manner, printer: Printer) -> int:
    """Examine and show; only with a gate is a failure an exit code."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.doctor import doctor
    from clusterkit.use_cases.doctor_steps import doctor_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("doctor", doctor_steps(session, options)))
        return 0
    with printer.progress() as sink:
        result = doctor(session, options, sink=sink)
    printer.result(result)
    return 1 if options.gate and not result.ok else 0

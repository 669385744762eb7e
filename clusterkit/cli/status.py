"""``clusterkit status``: what is true of a cluster now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    InventoryOption,
    Output,
    OutputOption,
)

if TYPE_CHECKING:
    from clusterkit.model.options import StatusOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit status -o wide"


def status(
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Look at every node, the storage, the model and the jobs."""
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "status", {}, manner)


def perform(options: StatusOptions, manner: Manner, printer: Printer) -> int:
    """Look and show; exit 3 when some nodes are not up, 4 when none is; who is out is none."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.session import find
    from clusterkit.use_cases.status import status, status_steps

    session = find(manner.which)
    if manner.dry_run:
        printer.result(DryRun.of("status", status_steps(session)))
        return 0
    result = status(session, machines=manner.output != "text")
    printer.result(result)
    states = [node.state for node in result.nodes if node.standing != "out"]
    up = states.count("up")
    if up == len(states):
        return 0
    return 3 if up else 4

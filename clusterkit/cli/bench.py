"""``clusterkit bench``: how fast is it?"""

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
    from clusterkit.model.bench_options import BenchOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit bench net node[1-4] --sizes 1m,8m"


def bench(
    what: Annotated[str, typer.Argument(metavar="net", help="What to measure.")],
    nodes: Annotated[
        str | None, typer.Argument(metavar="NODES", help="Between which nodes; default: all.")
    ] = None,
    sizes: Annotated[
        str, typer.Option("--sizes", metavar="SIZES", help="Sizes of the messages.")
    ] = "1m,8m",
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", help="End the job after this long.")
    ] = 600.0,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Measure latency and bandwidth between every two nodes, through MPI.

    Both directions are measured. The slowest link is named, and every one with less than half
    of the median bandwidth. Up to eight nodes, one pair is measured at a time.
    """
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    values = {"what": what, "nodes": nodes, "sizes": sizes, "timeout_s": timeout_s}
    run(perform, "bench", values, manner)


def perform(options: BenchOptions, manner: Manner, printer: Printer) -> None:
    """Measure, and show it."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.bench_net import bench_net, bench_net_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which).crew
    if manner.dry_run:
        printer.result(DryRun.of("bench", bench_net_steps(session, options)))
        return
    with printer.progress() as sink:
        result = bench_net(session, options, sink=sink)
    printer.result(result)

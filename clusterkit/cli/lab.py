"""``clusterkit lab``: a throwaway cluster, and faults in it on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.help import VerbWithOffsets
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
    from clusterkit.model.lab_options import LabOptions
    from clusterkit.report.console import Printer
    from clusterkit.results.lab import LabResult

EXAMPLE = "clusterkit lab fault partition node1 node3 --one-way"
COMMAND = VerbWithOffsets
"""`lab fault skew-clock node2 -30s`."""


def lab(
    action: Annotated[
        str, typer.Argument(metavar="up|ls|fault|faults|heal|down", help="What to do.")
    ] = "ls",
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORDS",
            help="fault: kill-node|pause|cut|drop-ssh NODES, partition NODE NODE, "
            "slow NODES RATE, fill-disk NODES|storage, skew-clock NODES OFFSET, "
            "kill-rank|hang-rank RANK. heal: NODES; default: all.",
        ),
    ] = None,
    nodes: Annotated[int, typer.Option("--nodes", help="up: how many nodes.")] = 3,
    slots: Annotated[int, typer.Option("--slots", help="up: ranks that fit a node.")] = 2,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="up: the cluster's name.")
    ] = "lab",
    image: Annotated[
        str | None, typer.Option("--image", metavar="IMAGE", help="up: another image.")
    ] = None,
    one_way: Annotated[
        bool, typer.Option("--one-way", help="partition: what the first node sends is lost.")
    ] = False,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Make a throwaway cluster of containers, break it on purpose, and heal it.

    It is a cluster like any other: all verbs work on it. Faults are made in labs only, never in
    a cluster that `lab up` did not make.
    """
    values = {
        "action": action,
        "words": tuple(map(str.strip, words or ())),
        "nodes": nodes,
        "slots": slots,
        "name": name,
        "image": image,
        "one_way": one_way,
    }
    run(perform, "lab", values, Manner(output.value, dry_run, False, cluster, inventory))


def perform(options: LabOptions, manner: Manner, printer: Printer) -> int:
    """Do it and show; exit 1 where `down` left something."""
    if manner.dry_run:
        _print_steps(options, manner, printer)
        return 0
    if options.action == "ls":
        from clusterkit.use_cases.lab import list_labs

        printer.result(list_labs())
        return 0
    with printer.progress() as sink:
        result = _do(options, manner, sink)
    printer.result(result)
    return 1 if result.down and result.down.left else 0


def _do(options: LabOptions, manner: Manner, sink: Sink) -> LabResult:
    from clusterkit.use_cases import lab as labs
    from clusterkit.use_cases import lab_faults
    from clusterkit.use_cases.session import find

    if options.action == "up":
        return labs.make(options, sink=sink)
    session = find(manner.which)
    match options.action:
        case "down":
            return labs.remove(session, sink=sink)
        case "fault":
            return lab_faults.fault(session, options, sink=sink)
        case "heal":
            return lab_faults.heal(session, options, sink=sink)
        case _:
            return lab_faults.list_faults(session)


def _print_steps(options: LabOptions, manner: Manner, printer: Printer) -> None:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases import lab as labs
    from clusterkit.use_cases.down import down_steps
    from clusterkit.use_cases.lab_faults import lab_steps
    from clusterkit.use_cases.session import find

    match options.action:
        case "up":
            with TemporaryDirectory() as folder:
                steps = labs.make_steps(options, Path(folder, "lab.yaml"))
        case "fault" | "heal" | "faults":
            steps = lab_steps(find(manner.which), options)
        case "down":
            steps = down_steps(find(manner.which))
        case _:
            steps = []
    printer.result(DryRun.of("lab", steps))

"""``clusterkit images``: the images on the cluster's machines, and how one gets there."""

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
    from clusterkit.model.images_options import ImagesOptions
    from clusterkit.report.console import Printer
    from clusterkit.results.images import ImagesResult

EXAMPLE = "clusterkit images push clusterkit/node-cpu:dev --inventory lab.yaml"


def images(
    action: Annotated[str, typer.Argument(metavar="ls|push", help="What to do.")] = "ls",
    image: Annotated[
        str | None, typer.Argument(metavar="IMAGE", help="Default of ls: the nodes' own.")
    ] = None,
    nodes: Annotated[str, typer.Argument(metavar="NODES", help="Some nodes only.")] = "@all",
    source: Annotated[
        str,
        typer.Option("--from", metavar="controller|NODE", help="Who has the image."),
    ] = "controller",
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """List the images on the cluster's machines, or send one to them without a registry.

    Machines that have the image get nothing. The others get all of its layers, over the
    connections that clusterkit verified; it is read once and sent to all at the same time.
    """
    values = {"action": action, "image": image, "nodes": nodes, "source": source}
    manner = Manner(output.value, dry_run, cluster=cluster, inventory=inventory)
    run(perform, "images", values, manner)


def perform(options: ImagesOptions, manner: Manner, printer: Printer) -> int:
    """Show or send; exit 3 or 4 where some or no machine could be asked, 1 where none took it."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.images import list_images, list_steps
    from clusterkit.use_cases.images_push import push, push_steps
    from clusterkit.use_cases.session import find

    session = find(manner.which)
    is_push = options.action == "push"
    if manner.dry_run:
        steps = push_steps(session, options) if is_push else list_steps(session, options)
        printer.result(DryRun.of("images", steps))
        return 0
    if not is_push:
        result = list_images(session, options)
        printer.result(result)
        return _exit_code(result)
    with printer.progress() as sink:
        result, code = push(session, options, sink=sink)
    printer.result(result)
    return code


def _exit_code(result: ImagesResult) -> int:
    silent = sum(row.error is not None for row in result.images)
    if not silent:
        return 0
    return 4 if silent == len(result.images) else 3

"""``clusterkit init``: a first inventory."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import DryRunOption, Output, OutputOption, OverwriteOption

if TYPE_CHECKING:
    from clusterkit.model.describe_options import InitOptions
    from clusterkit.report.console import Printer


EXAMPLE = "clusterkit init cluster.yaml --provider docker --nodes 3"


class ProviderName(StrEnum):
    """Where nodes come from."""

    local = "local"
    docker = "docker"
    ssh = "ssh"


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path(
        "inventory.yaml"
    ),
    provider: Annotated[
        ProviderName | None, typer.Option("--provider", help="Where nodes come from.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The cluster's name.")
    ] = None,
    nodes: Annotated[int, typer.Option("--nodes", help="Docker: how many nodes.")] = 2,
    slots: Annotated[int | None, typer.Option("--slots", help="Ranks that fit a node.")] = None,
    gpus: Annotated[int, typer.Option("--gpus", help="GPUs of each node.")] = 0,
    subnet: Annotated[
        str | None, typer.Option("--subnet", metavar="SUBNET", help="The cluster network.")
    ] = None,
    hosts: Annotated[
        list[str] | None,
        typer.Option("--host", metavar="HOST", help="ssh: a machine; several times."),
    ] = None,
    model: Annotated[str, typer.Option("--model", help="The model.")] = "smollm2-135m",
    force: OverwriteOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Write a first, commented inventory; asks what is missing."""
    values = {
        "file": file,
        "provider": provider.value if provider else None,
        "cluster": cluster,
        "nodes": nodes,
        "slots": slots,
        "gpus_per_node": gpus,
        "subnet": subnet,
        "hosts": tuple(hosts or ()),
        "model": model,
        "force": force,
    }
    run(perform, "init", values, Manner(output.value, dry_run))


def perform(options: InitOptions, manner: Manner, printer: Printer) -> None:
    """Ask what is missing, then write; a dry run prints the text instead."""
    from clusterkit.use_cases.init import inventory_text, write_inventory

    asked = _ask(options) if sys.stdin.isatty() and options.provider is None else options
    text = inventory_text(asked)
    if manner.dry_run:
        printer.show(text.rstrip("\n"))
    else:
        printer.result(write_inventory(asked.file, text, force=asked.force))


def _ask(options: InitOptions) -> InitOptions:
    """Ask what no option said, with a default that is right for most."""
    from clusterkit.model.options import read_options

    asked: dict[str, Any] = {
        "provider": typer.prompt(
            "Where nodes come from: local, docker or ssh",
            default="local",
            value_proc=_provider,  # an error in it asks again
            err=True,
        )
    }
    if options.cluster is None:
        asked["cluster"] = typer.prompt("Name of the cluster", default="lab", err=True)
    if asked["provider"] == "docker":
        asked["nodes"] = typer.prompt("How many nodes", default=2, type=int, err=True)
    if asked["provider"] == "ssh" and not options.hosts:
        words = typer.prompt("Machines, as ssh names them, with spaces between", err=True)
        asked["hosts"] = tuple(words.split())
    return cast("InitOptions", read_options("init", {**dict(options), **asked}))


def _provider(word: str) -> str:
    if word not in list(ProviderName):
        raise typer.BadParameter(f"{word!r} is none of local, docker and ssh.")
    return word

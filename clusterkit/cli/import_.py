"""``clusterkit import``: an inventory from another program's list of machines."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import DryRunOption, Output, OutputOption, OverwriteOption

if TYPE_CHECKING:
    from clusterkit.model.import_options import ImportOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit import hosts.ini --only @gpu --subnet 10.0.0.0/24 --out lab.yaml"


class Source(StrEnum):
    """What a list of machines is."""

    hostfile = "hostfile"
    ssh_config = "ssh-config"
    ansible = "ansible"
    slurm = "slurm"


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The list; -: stdin.")],
    source: Annotated[
        Source | None, typer.Option("--from", help="What the list is; default: looked at.")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option("--name", "--cluster", metavar="NAME", help="The cluster's name."),
    ] = None,
    subnet: Annotated[
        str | None,
        typer.Option("--subnet", metavar="CIDR", help="The network that the machines share."),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="NODES", help="Only these: node[1-3], @group."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write it there, not to stdout.")
    ] = None,
    force: OverwriteOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Make an inventory from a host file, ssh's configuration, Ansible or Slurm.

    What cannot be taken over is said on stderr, with its line. Passwords are never taken.
    """
    values = {
        "file": file,
        "source": source.value if source else None,
        "cluster": cluster,
        "subnet": subnet,
        "only": only,
        "out": out,
        "force": force,
    }
    run(perform, "import", values, Manner(output.value, dry_run))


def perform(options: ImportOptions, manner: Manner, printer: Printer) -> None:
    """Read, say what is left out, and show or write the inventory."""
    from clusterkit.events import Event, Note
    from clusterkit.report.notes import note_text
    from clusterkit.use_cases.import_ import STDIN, import_inventory

    def say(event: Event) -> None:
        if isinstance(event, Note):
            printer.message(note_text(event))

    given = sys.stdin.buffer.read() if options.file == STDIN else b""
    text = given.decode(errors="replace")
    printer.result(import_inventory(options, stdin=text, sink=say, dry_run=manner.dry_run))

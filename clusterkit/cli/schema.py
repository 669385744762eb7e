"""``clusterkit schema``: JSON Schema of a file that users write, or of what a verb answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import DryRunOption

if TYPE_CHECKING:
    from clusterkit.model.describe_options import SchemaOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit schema inventory > inventory.schema.json"


def schema(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="inventory, playbook or a verb.")
    ] = None,
    dry_run: DryRunOption = False,
) -> None:
    """Print a JSON Schema: inventory, playbook or a verb's JSON.

    Without NAME, print the names that there are.
    """
    run(perform, "schema", {"name": name}, Manner(dry_run=dry_run))


def perform(options: SchemaOptions, manner: Manner, printer: Printer) -> None:
    """Print one schema, or the names of all."""
    import json

    from clusterkit.errors import UsageError, did_you_mean
    from clusterkit.model.schemas import inventory_schema, playbook_schema
    from clusterkit.results import schemas

    files = {"inventory": inventory_schema, "playbook": playbook_schema}
    name, names = options.name, [*files, *schemas.RESULTS]
    if name is None:
        printer.show("\n".join(names))
    elif name not in names:
        fix = did_you_mean(name, names, otherwise=f"use one of {', '.join(names)}")
        raise UsageError(f"schema `{name}`: no such name. Fix: {fix}")
    else:
        made = files[name]() if name in files else schemas.schema(name)
        printer.show(json.dumps(made, indent=2))

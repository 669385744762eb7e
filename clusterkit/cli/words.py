"""Options that many verbs share, and where each verb is."""

from __future__ import annotations

from enum import StrEnum
from keyword import iskeyword
from pathlib import Path
from typing import Annotated

import typer


def module_of(verb: str) -> str:
    """The module of a verb; some names are taken, by Python or by what runs every verb."""
    name = verb.replace("-", "_")
    return f"clusterkit.cli.{name}" + ("_" if iskeyword(name) or name == "run" else "")


class Output(StrEnum):
    """The form of a result."""

    text = "text"
    wide = "wide"
    json = "json"


ClusterOption = Annotated[
    str | None,
    typer.Option("-c", "--cluster", metavar="NAME", help="The cluster; default: the last `up`."),
]
InventoryOption = Annotated[
    Path | None,
    typer.Option("--inventory", metavar="FILE", help="The cluster's inventory, instead of state."),
]
OutputOption = Annotated[Output, typer.Option("-o", "--output", help="Form of the result.")]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the steps; look at nothing, run nothing.")
]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Go on though the last `doctor --gate` failed.")
]
OverwriteOption = Annotated[bool, typer.Option("--force", help="Write over a file that exists.")]
DetachOption = Annotated[
    bool, typer.Option("--detach", "-d", help="Return once it runs; the job goes on.")
]
RestartOption = Annotated[
    int, typer.Option("--restart", metavar="N", help="With --detach: so often, if it fails.")
]
RetriesOption = Annotated[
    int,
    typer.Option("--retries", metavar="N", help="A spare for a lost node: so many tries more."),
]
StallTimeoutOption = Annotated[
    float | None,
    typer.Option("--stall-timeout", metavar="SECONDS", help="End it after so long in silence."),
]
ApiKeyFileOption = Annotated[
    Path | None,
    typer.Option("--api-key-file", metavar="FILE", help="Has the key that the server wants."),
]
YesOption = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")]
LockWaitOption = Annotated[
    float,
    typer.Option(
        "--lock-wait", min=0, metavar="SECONDS", help="Wait so long for another operator's lock."
    ),
]

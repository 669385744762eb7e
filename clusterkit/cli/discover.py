"""``clusterkit discover``: an inventory from a list of machines."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import DryRunOption, Output, OutputOption, OverwriteOption

if TYPE_CHECKING:
    from clusterkit.model.describe_options import DiscoverOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit discover gpu[01-04].example.net --user ubuntu --out lab.yaml"


class TrustName(StrEnum):
    """Which host keys are trusted."""

    known_hosts = "known-hosts"
    accept_new = "accept-new"


def discover(
    hosts: Annotated[
        list[str], typer.Argument(metavar="HOSTS", help="`gpu[01-04]`, `user@host:port`; several.")
    ],
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Who logs in.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="The port of sshd.")] = None,
    key_file: Annotated[
        str | None, typer.Option("--key-file", metavar="FILE", help="The private key.")
    ] = None,
    jump: Annotated[
        str | None, typer.Option("--jump", metavar="HOST", help="Reach them through this one.")
    ] = None,
    trust: Annotated[
        TrustName, typer.Option("--trust", help="accept-new pins keys that are seen first.")
    ] = TrustName.known_hosts,
    subnet: Annotated[
        str | None, typer.Option("--subnet", metavar="CIDR", help="The cluster network.")
    ] = None,
    cluster: Annotated[str, typer.Option("--name", metavar="NAME", help="The cluster's.")] = "lab",
    model: Annotated[str, typer.Option("--model", help="The model.")] = "smollm2-135m",
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the inventory there.")
    ] = None,
    force: OverwriteOption = False,
    connect_timeout_s: Annotated[
        float, typer.Option("--connect-timeout", metavar="SECONDS", help="For each machine.")
    ] = 8,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
) -> None:
    """Look at machines by SSH, and write the inventory that they would have.

    Without --out the inventory goes to stdout, and the table of the machines to stderr.
    """
    values = {
        "hosts": tuple(hosts),
        "user": user,
        "port": port,
        "key_file": key_file,
        "jump": jump,
        "trust": trust.value,
        "subnet": subnet,
        "cluster": cluster,
        "model": model,
        "out": out,
        "force": force,
        "connect_timeout_s": connect_timeout_s,
    }
    run(perform, "discover", values, Manner(output.value, dry_run))


def perform(options: DiscoverOptions, manner: Manner, printer: Printer) -> int:
    """Look and show; machines that could not be looked at are the error that it ends with."""
    from clusterkit.executor import raise_failures
    from clusterkit.report.views import view
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.discover import discover, discover_steps

    if manner.dry_run:
        printer.result(DryRun.of("discover", discover_steps(options)))
        return 0
    found = discover(options)
    if manner.output == "json" or options.out:
        printer.result(found.result)
    else:
        printer.message(*view(found.result, wide=manner.output == "wide"))
        if found.result.inventory:
            printer.show(found.result.inventory.rstrip("\n"))
    if found.problem:
        printer.error(found.problem)
    raise_failures(found.answers)
    return found.problem.exit_code if found.problem else 0

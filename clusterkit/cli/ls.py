"""``clusterkit ls``: this user's clusters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import DryRunOption, Output, OutputOption

if TYPE_CHECKING:
    from clusterkit.model.options import LsOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit ls"


def ls(output: OutputOption = Output.text, dry_run: DryRunOption = False) -> None:
    """List your clusters, and whether they are up now."""
    run(perform, "ls", {}, Manner(output.value, dry_run))


def perform(options: LsOptions, manner: Manner, printer: Printer) -> None:
    """Look at every cluster; a dry run looks at none."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.ls import ls

    printer.result(DryRun.of("ls", []) if manner.dry_run else ls())

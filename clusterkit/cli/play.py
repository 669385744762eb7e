"""``clusterkit play``: a whole recipe."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    LockWaitOption,
    Output,
    OutputOption,
    YesOption,
    module_of,
)

if TYPE_CHECKING:
    from clusterkit.model.play_options import PlayOptions
    from clusterkit.report.console import Printer

EXAMPLE = "clusterkit play playbooks/first-tokens-local.yaml --yes"


def play(
    file: Annotated[Path, typer.Argument(metavar="PLAYBOOK", help="The playbook file.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="The value of an input; repeatable."),
    ] = None,
    yes: YesOption = False,
    cluster: ClusterOption = None,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
    lock_wait: LockWaitOption = 0,
) -> None:
    """Run a playbook: verbs with their options, in order.

    Stops at the first verb that fails.
    """
    values = {"file": file, "given": tuple(set_ or ())}
    manner = Manner(output.value, dry_run, yes, cluster, lock_wait_s=lock_wait)
    run(perform, "play", values, manner)


def perform(options: PlayOptions, manner: Manner, printer: Printer) -> int:
    """Every verb as if it had been typed; as JSON, all of their answers in one."""
    from dataclasses import replace

    from clusterkit.command import shown
    from clusterkit.model.load import load_playbook
    from clusterkit.model.up_options import UpOptions
    from clusterkit.report.collected import Collected
    from clusterkit.results.play import PlayedStep, PlayResult

    playbook = load_playbook(options.file, options.inputs)
    inputs = shown(playbook.inputs)
    for name, value in inputs.items():
        printer.message(f"{name} = {value}")
    played: list[PlayedStep] = []
    code = 0
    for step in playbook.steps:
        printer.message(f"- {step.verb}")
        if isinstance(step.options, UpOptions) and manner.dry_run:
            # What follows means this cluster, which no `up` has made the current one.
            manner = replace(manner, inventory=step.options.file)
        yes = manner.yes or bool(getattr(step.options, "yes", False))
        verb = import_module(module_of(step.verb))
        to = Collected() if manner.output == "json" else printer
        code = verb.perform(step.options, replace(manner, yes=yes), to) or 0
        if isinstance(to, Collected):
            played.append(PlayedStep(verb=step.verb, results=tuple(to.results)))
        if code:
            printer.message(f"{options.file}:{step.line}: `{step.verb}` ended with {code}")
            break
    if manner.output == "json":
        printer.result(PlayResult(inputs=inputs, steps=tuple(played)))
    return int(code)

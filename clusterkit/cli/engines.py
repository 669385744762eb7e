"""``clusterkit engines``: what was built for the cluster, and where it is whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from clusterkit.cli.run import Manner, agree, run
from clusterkit.cli.words import (
    ClusterOption,
    DryRunOption,
    InventoryOption,
    LockWaitOption,
    Output,
    OutputOption,
    YesOption,
)

if TYPE_CHECKING:
    from clusterkit.model.engines_options import EnginesOptions
    from clusterkit.report.console import Printer
    from clusterkit.results.engines import EnginesResult
    from clusterkit.use_cases.session import Session

EXAMPLE = "clusterkit engines verify llama-70b-fp8-tp1-pp2"


def engines(
    action: Annotated[
        str, typer.Argument(metavar="ls|show|verify|push|rm", help="What to do.")
    ] = "ls",
    name: Annotated[
        str | None,
        typer.Argument(metavar="ENGINE", help="Its name, or how that begins; for verify: or all."),
    ] = None,
    cluster: ClusterOption = None,
    inventory: InventoryOption = None,
    yes: YesOption = False,
    output: OutputOption = Output.text,
    dry_run: DryRunOption = False,
    lock_wait: LockWaitOption = 0,
) -> None:
    """List the engines on the nodes; show, verify, push or remove one.

    An engine with another setting is another engine: the old one stays until it is removed.
    `push` brings it from the head to the nodes of its ranks, as `infer` does before it runs.
    """
    manner = Manner(output.value, dry_run, yes, cluster, inventory, lock_wait)
    run(perform, "engines", {"action": action, "name": name}, manner)


def perform(options: EnginesOptions, manner: Manner, printer: Printer) -> int:
    """Do it and show; exit 1 where one is damaged, 3 where some node could not be asked."""
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.engines import engines_steps, list_engines
    from clusterkit.use_cases.session import find

    session = find(manner.which).crew
    if options.action == "push":
        return _push(session, options, manner, printer)
    if manner.dry_run:
        printer.result(DryRun.of("engines", engines_steps(session, options)))
        return 0
    result = list_engines(session, options)
    if options.action == "rm":
        result = _remove(session, result, manner)
    printer.result(result)
    return _exit_code(result)


def _push(session: Session, options: EnginesOptions, manner: Manner, printer: Printer) -> int:
    from clusterkit.results.dry_run import DryRun
    from clusterkit.use_cases.engines_push import push_named, push_named_steps

    if manner.dry_run:
        printer.result(DryRun.of("engines", push_named_steps(session, options)))
        return 0
    with printer.progress() as sink:
        result = push_named(session, options, sink=sink)
    printer.result(result)
    return _exit_code(result)


def _remove(session: Session, found: EnginesResult, manner: Manner) -> EnginesResult:
    from clusterkit.quantities import size
    from clusterkit.use_cases.engines import remove_engine

    (engine,) = found.engines
    if not manner.yes:
        how_large = "" if engine.size_bytes is None else f" ({size(engine.size_bytes)})"
        agree(f"Remove {engine.name}{how_large} from cluster {session.cluster.name}?")
    return remove_engine(session, engine)


def _exit_code(result: EnginesResult) -> int:
    if result.unreachable:
        return 3
    is_damaged = any(engine.problems for engine in result.engines)
    return 1 if result.verified and is_damaged else 0

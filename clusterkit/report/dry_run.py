"""``--dry-run``: what would run, in order, in a form that can be read and copied."""

from __future__ import annotations

import shlex

from clusterkit.report.tables import Blocks
from clusterkit.results import DryRun, DryStep


def dry_run_text(run: DryRun, *, wide: bool = False) -> Blocks:
    """A comment with the stage and the reason, then the node and what runs there."""
    del wide
    if not run.steps:
        return [f"# {run.verb}: nothing would run"]
    width = max(len(step.node) for step in run.steps)
    lines: list[str] = []
    for step in run.steps:
        stage = f"{step.stage}: " if step.stage else ""
        lines += [f"# {stage}{step.summary}", f"{step.node:<{width}}  $ {_words(step)}"]
    return lines


def _words(step: DryStep) -> str:
    env = [f"{name}={shlex.quote(value)}" for name, value in step.env.items()]
    lead = {"command": [], "put": ["put"], "docker": ["docker"]}[step.kind]
    # A Docker call's variables are the container's: they do not stand before the command.
    words = [*lead, shlex.join(step.argv)]
    return " ".join(env + words if step.kind == "command" else words)

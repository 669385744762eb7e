"""``--dry-run``: what would run, in order, in a form that can be read and copied."""

from __future__ import annotations

import shlex

from clusterkit.command import in_one_line
from clusterkit.report.tables import Blocks
from clusterkit.results.dry_run import DryRun, DryStep

_DOCKER = {
    "build": "build image",
    "pull": "pull image",
    "network": "create network",
    "volume": "create volume",
    "create": "create container",
    "put": "put files into container",
    "start": "start container",
    "restart": "restart container",
    "kill": "kill container",
    "pause": "pause container",
    "unpause": "unpause container",
    "connect": "connect to its network container",
    "disconnect": "disconnect from its network container",
    "remove": "remove container",
    "remove-network": "remove network",
    "remove-volume": "remove volume",
}
"""What is asked of the Docker engine, in words: its API is called, and no program is run."""


def dry_run_text(run: DryRun, *, wide: bool = False) -> Blocks:
    """A comment with the stage and the reason, then the node and what is done there.

    A ``$`` leads what can be copied into a shell, unless a ``…`` tells that a script was cut to
    its first line; the JSON has all of it.
    """
    del wide
    if not run.steps:
        return [f"# {run.verb}: nothing would run"]
    width = max(len(step.node) for step in run.steps)
    lines: list[str] = []
    for step in run.steps:
        stage = f"{step.stage}: " if step.stage else ""
        lines += [f"# {stage}{step.summary}", f"{step.node:<{width}}  {_words(step)}"]
    return lines


def _words(step: DryStep) -> str:
    if step.kind == "docker":
        operation, name = step.argv
        return f"docker: {_DOCKER[operation]} {name}"
    if step.kind == "put":
        return f"put: {shlex.join(step.argv)}"
    env = [f"{name}={shlex.quote(value)}" for name, value in step.env.items()]
    return " ".join(["$", *env, shlex.join(in_one_line(word) for word in step.argv)])

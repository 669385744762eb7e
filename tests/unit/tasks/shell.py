"""Run a task's probe and steps on this machine, for real."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from clusterkit.command import Command, Put, Result
from clusterkit.tasks.base import Change, Task


def run(command: Command) -> Result:
    done = subprocess.run(
        command.argv,
        env={**os.environ, **command.env},
        input=command.stdin or b"",
        capture_output=True,
        timeout=60,
    )
    out, err = done.stdout.decode(), done.stderr.decode()
    return Result("node1", command, done.returncode, out, err)


def look(task: Task) -> Change:
    probe = task.probe()
    assert isinstance(probe, Command)
    return task.plan(run(probe))


def apply(change: Change) -> None:
    for step in change.steps:
        if isinstance(step.action, Put):
            path = Path(step.action.path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(step.action.content)
            path.chmod(step.action.mode)
        else:
            run(step.action).check()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())

"""Look at the model of an engine where it is built: on the head, and without reading it twice."""

from __future__ import annotations

import json
from collections.abc import Callable

from clusterkit.checks.model_input import ModelLook
from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.events import Progress, Stream
from clusterkit.model.cluster import Cluster
from clusterkit.use_cases.engine_commands import look_command
from clusterkit.use_cases.model_placing import Builder, json_event, wait

Look = Callable[[str, Command], Result]
"""Runs a command that changes nothing on a node."""


def look_at_model(cluster: Cluster, look: Look, python: str, *, tokenizer: str) -> ModelLook:
    """What the model's folder holds; its digest is that of the last time it was read.

    Raises:
        ClusterkitError: If it cannot be looked at.
    """
    head, folder = cluster.head.name, cluster.engine.model
    command = look_command(cluster, python, folder, tokenizer=tokenizer, remembered_only=True)
    answer = look(head, command)
    lines = answer.stdout.splitlines()
    if not answer.ok or not lines:
        why = (answer.stderr.splitlines() or [f"it ended with {answer.exit_code}"])[-1]
        raise _unlooked(head, folder, why)
    return ModelLook.of(json.loads(lines[-1]))


def read_model(cluster: Cluster, builder: Builder, *, tokenizer: str) -> ModelLook:
    """The same, and every byte of the files that changed since they were read is read.

    Raises:
        ClusterkitError: If it cannot be read.
    """
    head, folder = cluster.head.name, cluster.engine.model
    looks: list[ModelLook] = []
    log: list[str] = []

    def take(stream: Stream, line: str) -> None:
        row = json_event(line) if stream == "stdout" else None
        if row is None:
            log.append(line)
        elif row["event"] == "looked":
            looks.append(ModelLook.of(row))
        elif row["event"] == "progress":
            builder.sink(Progress(head, "reading the model", row["done"], row["total"]))

    command = look_command(cluster, builder.python, folder, tokenizer=tokenizer)
    code = wait(builder.transport(head).start(command, take))
    if not looks:
        raise _unlooked(head, folder, log[-1] if log else f"it ended with {code}")
    return looks[0]


def _unlooked(head: str, folder: str, why: str) -> ClusterkitError:
    return ClusterkitError(
        f"{head}: {folder} cannot be looked at: {why}. "
        "Fix: run `clusterkit up INVENTORY` again, which mends what up put there"
    )

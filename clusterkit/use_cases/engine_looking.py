"""Look at the model of an engine where it is built: on the head, and without reading it twice."""

from __future__ import annotations

from clusterkit.checks.model_input import ModelLook
from clusterkit.errors import ClusterkitError
from clusterkit.events import Progress, Stream
from clusterkit.model.cluster import Cluster
from clusterkit.use_cases.engine_commands import look_command
from clusterkit.use_cases.model_placing import Builder, json_event, wait


def look_at_model(cluster: Cluster, builder: Builder, *, tokenizer: str) -> ModelLook:
    """What the model's folder holds; its weights are read where they changed since the last look.

    Raises:
        ClusterkitError: If it cannot be looked at.
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
        why = log[-1] if log else f"it ended with {code}"
        raise ClusterkitError(
            f"{head}: {folder} cannot be looked at: {why}. "
            "Fix: run `clusterkit up INVENTORY` again, which mends what up put there"
        )
    return looks[0]

"""Bring a built model from the head to every other node that needs it and lacks it.

That is so where each node has a storage of its own. The copies go over the cluster's network, by
the head's own login, and come from the head's model, whose digests each node compares.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError, NodesFailed
from clusterkit.events import Note, Progress, Stream
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster
from clusterkit.payloads.model_protocol import DIFFERS, MANIFEST
from clusterkit.use_cases.model_commands import Receiver, check_command, send_command
from clusterkit.use_cases.model_placing import Builder, BuiltModel, json_event, wait


def spread_model(
    cluster: Cluster,
    builder: Builder,
    model: BuiltModel,
    receivers: Sequence[Receiver],
    *,
    verify: bool = False,
) -> tuple[str, ...]:
    """Copy the model to the nodes that lack it, and return their names.

    Raises:
        NodesFailed: With every node that could not be asked, or did not get it; all others have
            it, whole.
    """
    looks = {each.name: _look_of(each, model.folder, verify=verify) for each in receivers}
    answers = on_each(list(looks), lambda name: builder.look(name, looks[name]))
    failed = {name: error for name, answer in answers.items() if (error := _error(name, answer))}
    lacking = [each for each in receivers if each.name not in failed and _lacks(answers, each)]
    for name in (each.name for each in lacking):
        _note_damage(builder, name, answers[name], model.folder)
    if lacking:
        failed |= _send(cluster, builder, model, lacking)
    if failed:
        in_order = {each.name: failed[each.name] for each in receivers if each.name in failed}
        raise NodesFailed(in_order, succeeded=len(receivers) + 1 - len(failed))
    return tuple(each.name for each in lacking)


def _look_of(receiver: Receiver, folder: str, *, verify: bool) -> Command:
    return check_command(receiver.python, receiver.payloads, folder, verify=verify)


def _error(name: str, answer: Result | ClusterkitError) -> ClusterkitError | None:
    """Why it cannot be told whether a node has the model."""
    if isinstance(answer, ClusterkitError) or answer.exit_code in (0, DIFFERS):
        return answer if isinstance(answer, ClusterkitError) else None
    why = (answer.stderr.strip().splitlines() or [f"exit {answer.exit_code}"])[-1]
    return ClusterkitError(
        f"{name}: its models cannot be looked at: {why}. "
        "Fix: run `clusterkit up INVENTORY` again, which mends what up put there"
    )


def _lacks(answers: Mapping[str, Result | ClusterkitError], receiver: Receiver) -> bool:
    answer = answers[receiver.name]
    return isinstance(answer, Result) and answer.exit_code == DIFFERS


def _note_damage(
    builder: Builder, name: str, answer: Result | ClusterkitError, folder: str
) -> None:
    """Say so where a copy is not missing, but other than it was written."""
    if isinstance(answer, Result):
        problems = json.loads(answer.stdout)["problems"]
        if problems != [f"{folder}/{MANIFEST} is missing"]:
            told = "; ".join(problems)
            builder.sink(Note(f"{folder} is damaged, and is copied anew: {told}", name))


def _send(
    cluster: Cluster, builder: Builder, model: BuiltModel, lacking: Sequence[Receiver]
) -> dict[str, ClusterkitError]:
    """The error of each node that did not get it. Ctrl-C ends all copies, and leaves no half."""
    head = cluster.head.name
    waiting = {each.name for each in lacking}
    failed: dict[str, ClusterkitError] = {}
    log: list[str] = []

    def take(stream: Stream, line: str) -> None:
        row = json_event(line) if stream == "stdout" else None
        if row is None:
            log.append(line)
            return
        name = row["node"]
        if row["event"] == "progress":
            builder.sink(Progress(name, f"copying {model.name}", row["done"], row["total"]))
            return
        waiting.discard(name)
        if row["event"] == "failed":
            why = f"{name}: {model.name} cannot be copied there: {row['why']}"
            failed[name] = ClusterkitError(why)
        else:
            size = model.size_bytes
            builder.sink(Progress(name, f"copying {model.name}", size, size))

    command = send_command(
        builder.python,
        builder.payloads,
        model.folder,
        ssh_config=f"{cluster.home_of(head)}/ssh/config",
        receivers=lacking,
    )
    code = wait(builder.transport(head).start(command, take))
    for name in waiting:
        last = log[-1] if log else f"exit {code}"
        why = f"copying from {head} ended early: {last}. Fix: run the same command again"
        failed[name] = ClusterkitError(f"{name}: {why}")
    return failed

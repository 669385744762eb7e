"""Bring the files of a built engine from the head to every other node that needs and lacks them.

That is so where each node has a storage of its own. They go from node to node, so that many nodes
take little longer than one; each keeps what its own ranks need.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from clusterkit.command import Command, Result, Step
from clusterkit.engines.engine_files import files_of_nodes, has_all
from clusterkit.errors import ClusterkitError, NodesFailed
from clusterkit.events import Note, Progress, Sink, Stream
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster
from clusterkit.payloads.model_protocol import DIFFERS, MANIFEST
from clusterkit.placement import Placement
from clusterkit.tasks.payload import payload_command, payload_folder
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.model_commands import check_command
from clusterkit.use_cases.model_placing import Builder, json_event, wait
from clusterkit.use_cases.session import Session


class PushedEngine(Protocol):
    """An engine on the head's storage, with its manifest."""

    @property
    def name(self) -> str:
        """As its manifest says."""
        ...

    @property
    def folder(self) -> str:
        """The same path on all nodes."""
        ...

    @property
    def manifest(self) -> Mapping[str, Any]:
        """What the head's folder has."""
        ...


@dataclass(frozen=True, slots=True)
class Taker:
    """A node that needs files of the engine; ``payloads`` are those there."""

    name: str
    address: str
    python: str
    payloads: str
    names: tuple[str, ...]


def push_engine(
    session: Session,
    builder: Builder,
    engine: PushedEngine,
    placement: Placement,
    facts: Facts,
    *,
    verify: bool = False,
) -> tuple[str, ...]:
    """Bring each node the files of its ranks that it lacks; returns the nodes that lacked some.

    ``verify`` reads all files there; else their sizes are compared.

    Raises:
        NodesFailed: With every node that could not be asked, or did not get its files; all others
            have them, and what has come to those that failed is used by the next push.
    """
    cluster = session.cluster
    takers = takers_of(cluster, engine.manifest, placement, facts)
    looks = {each.name: _look_of(each, engine.folder, verify=verify) for each in takers}
    answers = on_each(list(looks), lambda name: builder.look(name, looks[name]))
    failed = {name: error for name, answer in answers.items() if (error := _error(name, answer))}
    lacking = [
        each
        for each in takers
        if each.name not in failed and _lacks(answers[each.name], each, engine, builder.sink)
    ]
    if lacking:
        failed |= _push(cluster, builder, engine, lacking)
    if failed:
        in_order = {each.name: failed[each.name] for each in takers if each.name in failed}
        raise NodesFailed(in_order, succeeded=len(takers) + 1 - len(failed))
    return tuple(each.name for each in lacking)


def push_steps(
    cluster: Cluster,
    facts: Facts,
    *,
    folder: str,
    nodes: Sequence[str],
    verify: bool = False,
) -> tuple[Step, ...]:
    """The steps of a push to ``nodes``, not run."""
    looks = [
        Step(
            name,
            "look whether it has its ranks' files",
            check_command(facts[name].python, _payloads(cluster, name), folder, verify=verify),
            sign="+",
            stage="engine",
        )
        for name in nodes
    ]
    summary = "send what is missing, from node to node"
    head = cluster.head.name
    command = push_command(cluster, facts[head].python)
    push = Step(head, summary, command, sign="+", stage="engine")
    return (*looks, push) if nodes else ()


def push_command(cluster: Cluster, python: str) -> Command:
    """Push from the head; it reads its order from stdin, and lives while that is open."""
    head = cluster.head.name
    config = f"{cluster.home_of(head)}/ssh/config"
    return payload_command(python, _payloads(cluster, head), "push_engine", config)


def takers_of(
    cluster: Cluster, manifest: Mapping[str, Any], placement: Placement, facts: Facts
) -> tuple[Taker, ...]:
    """The nodes besides the head that have ranks, and what they need; none of shared storage."""
    if cluster.storage.kind != "sync":
        return ()
    return tuple(
        Taker(
            name=name,
            address=str(cluster.node(name).address),
            python=facts[name].python,
            payloads=_payloads(cluster, name),
            names=names,
        )
        for name, names in files_of_nodes(manifest, placement).items()
        if name != cluster.head.name
    )


def _payloads(cluster: Cluster, name: str) -> str:
    return payload_folder(cluster.home_of(name))


def _look_of(taker: Taker, folder: str, *, verify: bool) -> Command:
    return check_command(taker.python, taker.payloads, folder, verify=verify)


def _error(name: str, answer: Result | ClusterkitError) -> ClusterkitError | None:
    """Why it cannot be told whether a node has its files."""
    if isinstance(answer, ClusterkitError) or answer.exit_code in (0, DIFFERS):
        return answer if isinstance(answer, ClusterkitError) else None
    why = (answer.stderr.strip().splitlines() or [f"exit {answer.exit_code}"])[-1]
    return ClusterkitError(
        f"{name}: its engines cannot be looked at: {why}. "
        "Fix: run `clusterkit up INVENTORY` again, which mends what up put there"
    )


def _lacks(
    answer: Result | ClusterkitError, taker: Taker, engine: PushedEngine, sink: Sink
) -> bool:
    """Whether a node needs anything; damage is told."""
    if not isinstance(answer, Result):
        return False
    seen = json.loads(answer.stdout)
    if answer.exit_code != DIFFERS:
        return not has_all(seen["manifest"], taker.names, engine.manifest)
    if seen["problems"] != [f"{engine.folder}/{MANIFEST} is missing"]:
        told = "; ".join(seen["problems"])
        sink(Note(f"{engine.folder} is damaged, and is mended: {told}", taker.name))
    return True


def _push(
    cluster: Cluster,
    builder: Builder,
    engine: PushedEngine,
    lacking: Sequence[Taker],
) -> dict[str, ClusterkitError]:
    """The error of each node that did not get its files. Ctrl-C ends it; what has come stays."""
    head, sink = cluster.head.name, builder.sink
    what = f"copying {engine.name}"
    waiting = {each.name for each in lacking}
    failed: dict[str, ClusterkitError] = {}
    log: list[str] = []
    files = engine.manifest["files"]
    sizes = {each.name: sum(files[name]["size"] for name in each.names) for each in lacking}

    def take(stream: Stream, line: str) -> None:
        match json_event(line) if stream == "stdout" else None:
            case {"event": "progress", "node": name, "done": done, "total": total}:
                sink(Progress(name, what, done, total))
            case {"event": "bad", "node": name, "file": file}:
                sink(Note(f"{file} has another sha256 than it was built with: sent again", name))
            case {"event": "placed", "node": name}:
                waiting.discard(name)
                sink(Progress(name, what, sizes[name], sizes[name]))
            case {"event": "failed", "node": name, "why": why}:
                waiting.discard(name)
                failed[name] = ClusterkitError(
                    f"{name}: {engine.name} cannot be copied there: {why}"
                )
            case _:
                log.append(line)

    order = {"folder": engine.folder, "nodes": [asdict(each) for each in lacking]}
    process = builder.transport(head).start(push_command(cluster, builder.python), take)
    process.send(json.dumps(order).encode() + b"\n")
    code = wait(process)
    for name in waiting:
        last = log[-1] if log else f"exit {code}"
        why = f"copying from {head} ended early: {last}. Fix: run the same command again"
        failed[name] = ClusterkitError(f"{name}: {why}")
    return failed

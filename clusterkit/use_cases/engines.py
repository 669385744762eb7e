"""``engines``: what was built, on which node it is whole, and how it goes."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clusterkit.command import Step
from clusterkit.errors import ClusterkitError, UsageError, did_you_mean, reason
from clusterkit.executor import on_each, raise_failures
from clusterkit.model.engines_options import EnginesOptions
from clusterkit.results.engines import EnginesResult, ListedEngine
from clusterkit.results.status import ModelState
from clusterkit.transports.world import World
from clusterkit.use_cases.engine_commands import engines_command, engines_folder
from clusterkit.use_cases.launch import Facts, known_facts
from clusterkit.use_cases.lock import locked
from clusterkit.use_cases.planned_facts import planned_facts
from clusterkit.use_cases.session import Session, open_world

Rows = Mapping[str, Mapping[str, Any]]
"""What one node has: the engines by the names of their folders."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What every storage has; ``unreachable`` says of which nobody knows, and why."""

    nodes: Mapping[str, Rows]
    unreachable: Mapping[str, str]

    @property
    def names(self) -> list[str]:
        """Every engine that any node has."""
        return sorted({name for rows in self.nodes.values() for name in rows})


def list_engines(session: Session, options: EnginesOptions) -> EnginesResult:
    """Ask every storage what it has; ``verify`` reads every byte there.

    Raises:
        UsageError: If the cluster is not up, or there is no engine of that name.
    """
    facts = known_facts(session)
    with open_world(session) as world:
        return engines_now(session, world, facts, options)


def engines_now(
    session: Session, world: World, facts: Facts, options: EnginesOptions
) -> EnginesResult:
    """The same, in a world that is open."""
    began = time.monotonic()
    is_read = options.action == "verify"
    seen = _look(session, world, facts, "ls")
    names = [_meant(seen, options.name)] if options.name else seen.names
    if is_read and names:
        seen = _look(session, world, facts, "verify", options.name and names[0])
    return EnginesResult(
        cluster=session.cluster.name,
        engines=tuple(
            _listed(session, seen, name, has_manifest=options.action == "show") for name in names
        ),
        verified=is_read,
        unreachable=dict(seen.unreachable),
        took_s=time.monotonic() - began,
    )


def remove_engine(session: Session, engine: ListedEngine) -> EnginesResult:
    """Take an engine from every node that has something of it.

    Raises:
        NodesFailed: With every node where it could not be removed; from all others it is gone.
    """
    began = time.monotonic()
    facts = known_facts(session)
    about = {"name": engine.name}
    with open_world(session) as world, locked(session, world, "engines rm", about):
        # Where there is none of it, something may have come of it by a push that did not end.
        answers = on_each(
            engine.nodes, lambda node: _ask(session, world, facts, node, "rm", engine.name)
        )
        raise_failures(answers)
        seen = _look(session, world, facts, "ls")
    return EnginesResult(
        cluster=session.cluster.name,
        engines=tuple(_listed(session, seen, name) for name in seen.names),
        removed=tuple(node for node, row in answers.items() if _is_removed(row)),
        unreachable=dict(seen.unreachable),
        took_s=time.monotonic() - began,
    )


def _is_removed(answer: Mapping[str, Any] | ClusterkitError) -> bool:
    return not isinstance(answer, ClusterkitError) and bool(answer["removed"])


def engines_steps(session: Session, options: EnginesOptions) -> list[Step]:
    """What each storage would be asked, not run."""
    facts = planned_facts(session.cluster)
    action = "ls" if options.action == "show" else options.action
    verbs = {"ls": "look at its engines", "verify": "read its engines", "rm": "remove the engine"}
    return [
        Step(
            node,
            verbs[action],
            engines_command(session.cluster, node, facts[node].python, action, options.name),
            sign="-" if action == "rm" else "~",
            stage="engine",
        )
        for node in _keepers(session)
    ]


def _keepers(session: Session) -> list[str]:
    return [node.name for node in session.cluster.keepers]


def _look(
    session: Session, world: World, facts: Facts, action: str, name: str | None = None
) -> Seen:
    keepers = _keepers(session)
    answers = on_each(
        keepers, lambda node: _ask(session, world, facts, node, action, name)["engines"]
    )
    nodes: dict[str, Rows] = {}
    unreachable: dict[str, str] = {}
    for node, answer in answers.items():
        if isinstance(answer, ClusterkitError):
            unreachable[node] = reason(node, answer)
        else:
            nodes[node] = {row["name"]: row for row in answer}
    if not nodes:
        raise_failures(answers)
    return Seen(nodes, unreachable)


def _ask(
    session: Session, world: World, facts: Facts, node: str, action: str, name: str | None
) -> dict[str, Any]:
    command = engines_command(session.cluster, node, facts[node].python, action, name)
    answer: dict[str, Any] = json.loads(world.perform(node, command).check().stdout)
    return answer


def _meant(seen: Seen, name: str) -> str:
    """The engine of this name, or the only one whose name begins so."""
    found = (
        [name] if name in seen.names else [each for each in seen.names if each.startswith(name)]
    )
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{name} may be {' or '.join(found)}. Fix: give more of its name")
    fix = did_you_mean(name, seen.names, otherwise="see `clusterkit engines`")
    raise UsageError(f"there is no engine named `{name}`. Fix: {fix}")


def _listed(
    session: Session, seen: Seen, name: str, *, has_manifest: bool = False
) -> ListedEngine:
    rows = {node: rows[name] for node, rows in seen.nodes.items() if name in rows}
    manifests = [row["manifest"] for row in rows.values() if row["manifest"]]
    # The head's comes first, and has all files; another node's has those of its own ranks.
    manifest: dict[str, Any] = manifests[0] if manifests else {}
    engine = manifest.get("engine", {})
    files = manifest.get("files", {}).values()
    return ListedEngine(
        name=name,
        folder=f"{engines_folder(session.cluster)}/{name}",
        version=engine.get("version"),
        family=engine.get("family"),
        tp=engine.get("tp"),
        pp=engine.get("pp"),
        gpu=engine.get("gpu"),
        size_bytes=sum(file["size"] for file in files) if manifest else None,
        nodes={node: _state(seen, node, name) for node in _keepers(session)},
        problems={node: tuple(row["problems"]) for node, row in rows.items() if row["problems"]},
        manifest=manifest if has_manifest and manifest else None,
    )


def _state(seen: Seen, node: str, name: str) -> ModelState:
    if node in seen.unreachable:
        return "unknown"
    if name not in seen.nodes[node]:
        return "absent"
    return "damaged" if seen.nodes[node][name]["problems"] else "ready"

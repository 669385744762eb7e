"""Look at every node of a server before it is started."""

from __future__ import annotations

import json
from typing import Any

from clusterkit.command import Command, Step
from clusterkit.engines.serving import Listening, LooksFirst
from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each, raise_failures
from clusterkit.placement import place_stages
from clusterkit.tasks.payload import payload_command, payload_folder
from clusterkit.transports.world import World
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.session import Session

_WITHIN_S = 60.0


def look_everywhere(
    session: Session, engine: LooksFirst, where: Listening, world: World, facts: Facts
) -> dict[str, dict[str, Any]]:
    """What each node that will have ranks told, in their order; all are asked at once.

    Raises:
        NodesFailed: With every node that could not be looked at.
    """
    looks = _looks(session, engine, where, facts)

    def look(name: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(world.perform(name, looks[name]).check().stdout)
        return told

    answers = on_each(list(looks), look)
    raise_failures(answers)
    return {name: told for name, told in answers.items() if not isinstance(told, ClusterkitError)}


def look_steps(
    session: Session, engine: LooksFirst, where: Listening, facts: Facts
) -> tuple[Step, ...]:
    """The steps of :func:`look_everywhere`, not run."""
    looks = _looks(session, engine, where, facts)
    summary = "look whether it can be served here"
    return tuple(Step(name, summary, look, stage="engine") for name, look in looks.items())


def _looks(
    session: Session, engine: LooksFirst, where: Listening, facts: Facts
) -> dict[str, Command]:
    cluster = session.cluster
    placement = place_stages(cluster, tp=cluster.engine.tp, pp=cluster.engine.pp)
    return {
        name: payload_command(
            facts[name].python,
            payload_folder(cluster.home_of(name)),
            *engine.look_words(where),
            timeout_s=_WITHIN_S,
        )
        for name in placement.nodes
    }

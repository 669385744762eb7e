"""Look at every node of a server before it is started."""

from __future__ import annotations

import json
from typing import Any

from clusterkit.command import Command
from clusterkit.engines.serving import Listening, LooksFirst
from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each, raise_failures
from clusterkit.placement import place_stages
from clusterkit.tasks.payload import payload_folder
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
    cluster = session.cluster
    words = engine.look_words(where)

    def look(name: str) -> dict[str, Any]:
        payloads = payload_folder(cluster.home_of(name))
        argv = (facts[name].python, "-I", "-S", payloads, *words)
        answer = world.perform(name, Command(argv, timeout_s=_WITHIN_S)).check()
        told: dict[str, Any] = json.loads(answer.stdout)
        return told

    placement = place_stages(cluster, tp=cluster.engine.tp, pp=cluster.engine.pp)
    answers = on_each(list(placement.nodes), look)
    raise_failures(answers)
    return {name: told for name, told in answers.items() if not isinstance(told, ClusterkitError)}

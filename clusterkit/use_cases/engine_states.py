"""Whether the cluster's engine is in its place, asked without reading its model."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each
from clusterkit.placement import place_stages
from clusterkit.results.status import ModelState
from clusterkit.tasks.payload import payload_folder
from clusterkit.transports.world import World
from clusterkit.use_cases.builder import state_of
from clusterkit.use_cases.built_engine import with_version
from clusterkit.use_cases.engine_building import build_of, tokenizer_of
from clusterkit.use_cases.engine_commands import BuildPaths
from clusterkit.use_cases.engine_looking import look_at_model
from clusterkit.use_cases.launch import Facts
from clusterkit.use_cases.model_commands import check_command
from clusterkit.use_cases.session import Session


def engine_states(
    session: Session, world: World, facts: Facts, asked: Sequence[str]
) -> dict[str, ModelState]:
    """``ready``, ``absent`` or ``damaged`` on each storage, by the node that was asked.

    ``unknown``: its model was never looked at, or is not there, or nobody answers.
    """
    target = None
    if session.cluster.head.name in facts:
        with contextlib.suppress(ClusterkitError):  # which `build` tells in full
            target = _target(session, world, facts)
    if target is None:
        return dict.fromkeys(asked, "unknown")
    cluster = session.cluster
    # A node without ranks needs nothing of it.
    settings = cluster.engine
    used = (cluster.head.name, *place_stages(cluster, tp=settings.tp, pp=settings.pp).nodes)
    looks = {
        name: check_command(facts[name].python, payload_folder(cluster.home_of(name)), target)
        for name in asked
        if name in used
    }
    answers = on_each(looks, lambda name: world.perform(name, looks[name]))
    return {name: state_of(answers.get(name)) for name in looks}


def _target(session: Session, world: World, facts: Facts) -> str | None:
    """The engine's folder, if its model's digest is remembered."""
    session = with_version(session, facts)
    cluster, head = session.cluster, session.cluster.head.name
    look = look_at_model(
        cluster, world.perform, facts[head].python, tokenizer=tokenizer_of(cluster.engine)
    )
    return BuildPaths.of(cluster, build_of(session, facts, look)).target if look.is_read else None

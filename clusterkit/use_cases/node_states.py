"""Whether the nodes of a cluster are there: told by machines and engines, not by the nodes."""

from __future__ import annotations

import json
from dataclasses import replace

from clusterkit.command import HOST, Command, DockerLook
from clusterkit.executor import on_each
from clusterkit.model.cluster import Cluster
from clusterkit.providers.docker.names import look_at
from clusterkit.providers.docker.states import node_states
from clusterkit.providers.ssh.own_folder import MANIFEST
from clusterkit.transports.world import World


def states_now(cluster: Cluster, world: World) -> dict[str, str]:
    """Each node's ``up``, ``absent``, or what else its container is.

    A machine that cannot be reached is left out, and so is this machine, which is always there.
    """
    match cluster.provider:
        case "docker":
            answer = world.perform(HOST, DockerLook(cluster.name)).check()
            return node_states(cluster, json.loads(answer.stdout))
        case "ssh":
            return _on_machines(cluster, world)
        case _:
            return {}


def _on_machines(cluster: Cluster, world: World) -> dict[str, str]:
    names = [node.name for node in cluster.nodes]
    answers = on_each(names, lambda name: _state(cluster, name, world))
    return {name: state for name, state in answers.items() if isinstance(state, str)}


def _state(cluster: Cluster, name: str, world: World) -> str:
    if cluster.node(name).container is not None:
        alone = replace(cluster, nodes=(cluster.node(name),))
        seen = world.perform(name, look_at(alone)).check()
        return node_states(alone, json.loads(seen.stdout))[name]
    look = Command(("test", "-f", f"{cluster.home_of(name)}/{MANIFEST}"), timeout_s=30)
    return "up" if world.perform(name, look).ok else "absent"

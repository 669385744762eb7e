"""Ask every node what the doctor wants to know of it: one round trip, and three for its clock."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clusterkit.checks.doctor.seen import Clock
from clusterkit.command import HOST, Command, DockerLook, Result
from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each
from clusterkit.facts import MachineFacts, NodeFacts
from clusterkit.model.cluster import Cluster, Node
from clusterkit.providers.docker.names import container_name
from clusterkit.tasks.free_space import free_bytes, look_at_free_space
from clusterkit.tasks.machine_facts import look_at_machine, read_answer
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.transports.docker_host import is_docker_here
from clusterkit.transports.world import World

_CLOCK_LOOKS = 3


@dataclass(frozen=True, slots=True)
class Looked:
    """One node as it answered."""

    facts: NodeFacts
    machine: MachineFacts
    clock: Clock | None
    storage_free_bytes: int | None


def look_at_all(
    cluster: Cluster, names: Sequence[str], world: World
) -> Mapping[str, Looked | ClusterkitError]:
    """Every node's answer, or why there is none."""
    return on_each(
        names,
        lambda name: _look(cluster.node(name), cluster.storage.path, world),
        world.end_running,
    )


def looks(node: Node, storage: str) -> tuple[Command, Command, Command, Command]:
    """What a node is asked: its facts, the machine's, the storage's room, and the time."""
    return (
        LookAtNode(node).probe(),
        look_at_machine(),
        look_at_free_space(storage),
        Command(("date", "+%s.%N"), timeout_s=10),
    )


def container_hosts(
    cluster: Cluster, names: Sequence[str], world: World
) -> Mapping[str, MachineFacts]:
    """The machines whose Docker engines carry the nodes: by node, or this one by its name."""
    hosts = [name for name in names if cluster.node(name).is_carried]
    if cluster.provider == "docker" and is_docker_here():
        hosts = [HOST]
    # Nodes answer by themselves, whether or not their host does.
    answers = on_each(hosts, lambda name: read_answer(world.machine(name).run(look_at_machine())))
    return {name: its for name, its in answers.items() if isinstance(its, MachineFacts)}


def image_digests(cluster: Cluster, names: Sequence[str], world: World) -> dict[str, str]:
    """Node -> the image from which its container was made; empty where there are none."""
    if not any(cluster.node(name).container for name in names):
        return {}
    engines = [name for name in names if cluster.node(name).is_carried] or [HOST]
    # An engine that does not answer is a matter of `docker-engine`.
    answers = on_each(engines, lambda name: world.perform(name, DockerLook(cluster.name)).check())
    boxes = {
        box["name"]: box["image_id"]
        for answer in answers.values()
        if isinstance(answer, Result)
        for box in json.loads(answer.stdout)["containers"]
    }
    made = {name: container_name(cluster, name) for name in names}
    return {name: boxes[box] for name, box in made.items() if box in boxes}


def _look(node: Node, storage: str, world: World) -> Looked:
    facts, machine, free, date = looks(node, storage)
    transport = world.transport(node.name)
    answers = transport.run_all([facts, machine, free])
    return Looked(
        facts=LookAtNode(node).read(answers[0]),
        machine=read_answer(answers[1]),
        clock=_clock(node.name, date, world),
        storage_free_bytes=free_bytes(answers[2]),
    )


def _clock(name: str, date: Command, world: World) -> Clock | None:
    """The clock by the fastest of a few round trips; None where `date` is another's."""
    best: Clock | None = None
    for _ in range(_CLOCK_LOOKS):
        before, began = time.time(), time.monotonic()
        said = world.transport(name).run(date).stdout.strip()
        half_s = (time.monotonic() - began) / 2
        try:
            clock = Clock(float(said) - (before + half_s), half_s)
        except ValueError:
            return None
        if best is None or half_s < best.uncertainty_s:
            best = clock
    return best

"""Look at the machines of an inventory, and say where they are not as it says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from clusterkit.checks.drift import drift, paths_of, place_of
from clusterkit.command import HOST, Command, Step
from clusterkit.errors import ClusterkitError, reason, what_and_fix
from clusterkit.executor import on_each, raise_failures
from clusterkit.facts import MachineFacts
from clusterkit.model.cluster import Cluster
from clusterkit.model.inventory import Inventory
from clusterkit.model.load import load_inventory
from clusterkit.model.mistakes import Mistake
from clusterkit.model.source import read_yaml
from clusterkit.results.check import CheckResult
from clusterkit.state.folders import cluster_folder
from clusterkit.tasks.machine_facts import look_at_machine, read_answer
from clusterkit.transports.docker_host import is_docker_here
from clusterkit.transports.world import World
from clusterkit.use_cases.check import checked
from clusterkit.use_cases.resolve import resolve
from clusterkit.use_cases.session import Session, open_world

Answers = Mapping[str, MachineFacts | ClusterkitError]


def check_live(file: Path) -> CheckResult:
    """Check an inventory against its machines, which are looked at all at once.

    Nodes that are containers are not there yet: their machine is this one.

    Raises:
        FileMistakes: With every difference, and every machine that does not answer beside them.
        NodesFailed: If machines do not answer, and the others are as the inventory says.
    """
    inventory = load_inventory(file)
    cluster = resolve(inventory, file)
    answers = _look(cluster)
    seen = {name: facts for name, facts in answers.items() if isinstance(facts, MachineFacts)}
    found = drift(inventory, cluster, seen)
    if found:
        read_yaml(file).report([*found, *_silent(inventory, answers)])
    raise_failures(answers)
    return checked(cluster).model_copy(update={"looked_at": tuple(seen)})


def check_steps(file: Path) -> list[Step]:
    """The look at each machine, not run."""
    cluster = resolve(load_inventory(file), file)
    return [
        Step(name, "look at the machine", look, stage="reach")
        for name, look in _looks(cluster).items()
    ]


def _looks(cluster: Cluster) -> dict[str, Command]:
    """What to ask on each machine; nothing where Docker's machine is not this one."""
    if cluster.nodes[0].machine is not None:
        return {node.name: look_at_machine(paths_of(cluster, node)) for node in cluster.nodes}
    if cluster.provider == "docker" and not is_docker_here():
        return {}
    paths = {path for node in cluster.nodes for path in paths_of(cluster, node)}
    return {HOST: look_at_machine(sorted(paths))}


def _look(cluster: Cluster) -> Answers:
    """The answer of each node's machine."""
    looks = _looks(cluster)
    with open_world(Session(cluster, cluster_folder(cluster.name))) as world:
        answers = on_each(looks, lambda name: _ask(name, looks[name], world), world.end_running)
    if cluster.nodes[0].machine is not None:
        return answers
    return {node.name: here for node in cluster.nodes for here in answers.values()}


def _ask(name: str, look: Command, world: World) -> MachineFacts:
    return read_answer(world.machine(name).run(look))


def _silent(inventory: Inventory, answers: Answers) -> list[Mistake]:
    """The machines that could not be looked at, at the place of their hosts."""
    found = []
    for name, answer in answers.items():
        if isinstance(answer, ClusterkitError):
            what, fix = what_and_fix(reason(name, answer))
            place = place_of(inventory, name, "host")
            found.append(Mistake(place, f"{name}: {what.rstrip('.')}", fix))
    return found

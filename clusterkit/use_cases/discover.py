"""Look at machines, and write the inventory that they would have."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from clusterkit.checks.cluster_network import choose_networks
from clusterkit.checks.discovered import discovered_inventory
from clusterkit.checks.shared_networks import SharedNetwork
from clusterkit.command import Step
from clusterkit.errors import ClusterkitError
from clusterkit.executor import on_each
from clusterkit.facts import MachineFacts
from clusterkit.model.container import absolute
from clusterkit.model.describe_options import DiscoverOptions
from clusterkit.model.hosts import machines
from clusterkit.model.machine import Machine
from clusterkit.model.trust import fingerprint
from clusterkit.results.discover import DiscoverResult, PinnedKey, SeenMachine, SeenNetwork
from clusterkit.state.contacts import pinned_lines
from clusterkit.state.folders import cluster_folder
from clusterkit.tasks.machine_facts import look_at_machine, read_answer
from clusterkit.transports.base import Transport
from clusterkit.transports.world import World
from clusterkit.use_cases.init import check_target, write_inventory
from clusterkit.use_cases.session import machine_address

Answers = Mapping[str, MachineFacts | ClusterkitError]


@dataclass(frozen=True, slots=True)
class Discovered:
    """What was found. ``problem`` is why there is no inventory though machines answered."""

    result: DiscoverResult
    answers: Answers
    problem: ClusterkitError | None = None


def discover(options: DiscoverOptions) -> Discovered:
    """Look at all machines at once; the inventory has those that answered.

    Raises:
        UsageError: If the words name no machines, or the file cannot be written.
    """
    began = time.monotonic()
    wanted, folder = _wanted(options), cluster_folder(options.cluster)
    if options.out is not None:
        check_target(options.out, force=options.force)
    pinned = pinned_lines(folder)
    answers = _look(wanted, folder)
    seen = {name: facts for name, facts in answers.items() if isinstance(facts, MachineFacts)}
    networks: tuple[SharedNetwork, ...] = ()
    text = path = problem = None
    try:
        networks, guessed = choose_networks(seen, options.subnet)
        if seen:
            text = discovered_inventory(
                {name: (wanted[name], facts) for name, facts in seen.items()},
                networks,
                cluster=options.cluster,
                model=options.model,
                silent={name: _reason(name, answers[name]) for name in wanted if name not in seen},
                guessed=guessed,
            )
    except ClusterkitError as error:
        problem = error
    if text and options.out:
        path = write_inventory(options.out, text, force=options.force).path
    result = DiscoverResult(
        machines=tuple(_row(name, answer) for name, answer in answers.items()),
        networks=tuple(map(_seen_network, networks)),
        pinned=tuple(_pinned_key(line) for line in sorted(pinned_lines(folder) - pinned)),
        inventory=text,
        path=path,
        took_s=time.monotonic() - began,
    )
    return Discovered(result, answers, problem)


def discover_steps(options: DiscoverOptions) -> list[Step]:
    """The look at each machine, not run."""
    return [
        Step(name, "look at the machine", look_at_machine(), stage="reach")
        for name in _wanted(options)
    ]


def _wanted(options: DiscoverOptions) -> dict[str, Machine]:
    """The machines by what they are called on the command line."""
    common = options.machine("")
    if common.key_file:
        common = replace(common, key_file=absolute(common.key_file, Path.cwd()))
    return {str(machine): machine for machine in machines(options.hosts, common)}


def _look(wanted: Mapping[str, Machine], folder: Path) -> Answers:
    """The facts of every machine, or why there are none."""

    def access(name: str, machine: Machine) -> Callable[[], Transport]:
        from clusterkit.transports.ssh import SshTransport

        return lambda: SshTransport(name, machine_address(machine, folder))

    with World({name: access(name, each) for name, each in wanted.items()}, _no_engine) as world:
        look = look_at_machine()
        return on_each(
            wanted, lambda name: read_answer(world.perform(name, look)), world.end_running
        )


def _no_engine() -> NoReturn:
    raise AssertionError("machines are looked at by SSH only")


def _row(name: str, answer: MachineFacts | ClusterkitError) -> SeenMachine:
    if isinstance(answer, MachineFacts):
        return SeenMachine(host=name, facts=answer)
    return SeenMachine(host=name, error=_reason(name, answer))


def _reason(name: str, answer: object) -> str:
    """The first line of an error, without the machine's name and without the fix."""
    return str(answer).removeprefix(f"{name}: ").partition("\n")[0].partition(" Fix: ")[0]


def _seen_network(network: SharedNetwork) -> SeenNetwork:
    return SeenNetwork(
        subnet=network.subnet,
        speed_mbps=network.speed_mbps,
        rdma=network.has_rdma,
        addresses={name: place.address for name, place in network.places.items()},
    )


def _pinned_key(line: str) -> PinnedKey:
    host, _, key = line.partition(" ")
    return PinnedKey(host=host, fingerprint=f"{key.partition(' ')[0]} {fingerprint(key)}")

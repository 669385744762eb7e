"""Meet the machines of a cluster: what only they can tell, and the host keys that they prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from clusterkit.errors import ClusterkitError, NodesFailed
from clusterkit.events import Note, Sink
from clusterkit.executor import on_each, raise_failures
from clusterkit.model.contact import Contact, address_problem, met, one_machine_twice
from clusterkit.model.trust import fingerprint
from clusterkit.state.contacts import pinned_lines
from clusterkit.transports.world import World
from clusterkit.use_cases.session import Session, access


def meet(session: Session, world: World, sink: Sink) -> tuple[Session, Mapping[str, Contact]]:
    """The cluster as its machines are now; nothing is asked where nodes are made by us.

    Raises:
        NodesFailed: With every machine that cannot be reached, or is not on the cluster network.
    """
    cluster = session.cluster
    if not any(node.machine for node in cluster.nodes):
        return session, {}
    with pins_told(session, sink):
        answers = on_each(
            [node.name for node in cluster.nodes], lambda name: ask_machine(name, world)
        )
    raise_failures({name: _checked(session, name, answer) for name, answer in answers.items()})
    contacts = {name: answer for name, answer in answers.items() if isinstance(answer, Contact)}
    session = replace(session, cluster=met(cluster, contacts))
    twice = one_machine_twice(session.cluster)
    if twice:
        same = {name: ClusterkitError(f"{name}: {why}") for name, why in twice.items()}
        raise NodesFailed(same, succeeded=0)
    world.reach_by(access(session, {name: world.machine(name) for name in contacts}))
    return session, contacts


@contextmanager
def pins_told(session: Session, sink: Sink) -> Iterator[None]:
    """Show every host key that is pinned meanwhile, also where something fails after that."""
    before = pinned_lines(session.folder)
    try:
        yield
    finally:
        for line in sorted(pinned_lines(session.folder) - before):
            host, _, key = line.partition(" ")
            told = f"{key.partition(' ')[0]} {fingerprint(key)}"
            sink(Note(f"pinned the host key of {host}, seen for the first time: {told}"))


def known_or_met(session: Session, world: World, sink: Sink) -> Session:
    """The cluster with what its machines told earlier, or tell now where there is no state."""
    unknown = any(node.machine and node.login is None for node in session.cluster.present.nodes)
    return meet(session, world, sink)[0] if unknown else session


def known_or_asked(session: Session, world: World) -> Session:
    """The cluster with what its machines told earlier, or tell now; a silent one stays unknown."""
    cluster = session.cluster
    unknown = [node.name for node in cluster.nodes if node.machine and node.login is None]
    answers = on_each(unknown, lambda name: ask_machine(name, world))
    contacts = {name: answer for name, answer in answers.items() if isinstance(answer, Contact)}
    return replace(session, cluster=met(cluster, contacts))


def ask_machine(name: str, world: World) -> Contact:
    """What the machine of a node tells now.

    Raises:
        ClusterkitError: If it cannot be reached, or answers with something else.
    """
    # Who has no machines is spared the import of what they need.
    from clusterkit.providers.ssh import first_contact
    from clusterkit.transports.ssh import SshTransport

    transport = world.machine(name)
    assert isinstance(transport, SshTransport)  # noqa: S101 - machines are reached by SSH only
    return first_contact.read(transport.run(first_contact.ask()), transport.login())


def _checked(
    session: Session, name: str, answer: Contact | ClusterkitError
) -> Contact | ClusterkitError:
    if isinstance(answer, ClusterkitError):
        return answer
    cluster = session.cluster
    problem = address_problem(cluster.node(name), answer, cluster.subnet)
    return ClusterkitError(f"{name}: {problem}") if problem else answer

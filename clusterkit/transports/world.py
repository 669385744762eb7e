"""Everything that a verb touches: the cluster's nodes and its Docker engine, opened when used."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from clusterkit.command import HOST, Action, Command, DockerCall, DockerLook, Put, Result
from clusterkit.errors import ClusterkitError
from clusterkit.transports.ahead import Ahead
from clusterkit.transports.base import Transport

if TYPE_CHECKING:
    from clusterkit.transports.docker_engine import DockerEngine
    from clusterkit.transports.ssh import SshTransport

_ANSWERS_WITHIN_S = 2.0  # a sign of life, after Ctrl-C
_ENDED_WITHIN_S = 5.0
_BESIDE_S = 2.0


class World:
    """Performs actions on nodes. Each node is connected at most once, whoever asks.

    ``machines`` are those that carry a node as their container: their engine is its engine, and
    tells ``maker``, whose state it is, of what is made there.
    """

    def __init__(
        self,
        access: Mapping[str, Callable[[], Transport]],
        engine: Callable[[], DockerEngine],
        machines: Mapping[str, SshTransport] | None = None,
        maker: str | None = None,
    ) -> None:
        self._access = access
        self._open_engine = engine
        self._engines: dict[str, DockerEngine] = {}
        self._machines = machines or {}
        self._maker = maker
        self._transports: dict[str, Transport] = {}
        self._ahead = Ahead()
        self._locks = {node: threading.Lock() for node in access}
        self._engine_lock = threading.Lock()
        self._guard: Callable[[], None] = _nothing
        self._beside: list[threading.Thread] = []

    def guard(self, check: Callable[[], None] | None) -> None:
        """Have ``check`` called before each change, which it may forbid by raising; None: not."""
        self._guard = check or _nothing

    def transport(self, node: str) -> Transport:
        """How ``node`` is reached; KeyError where the cluster has no such node."""
        self._guard()
        with self._locks[node]:  # one each, so that nodes open at the same time
            if node not in self._transports:
                self._transports[node] = self._access[node]()
            return self._transports[node]

    def is_open(self, node: str) -> bool:
        """Whether something reaches ``node`` now."""
        return node in self._transports

    def do_beside(self, work: Callable[[], None]) -> None:
        """Do something small that nobody waits for, but :meth:`close`, for a moment."""
        self._beside.append(threading.Thread(target=work, daemon=True))
        self._beside[-1].start()

    def connect(self, nodes: Iterable[str]) -> None:
        """Open connections in the background, for those who will use them.

        What goes wrong is theirs to hear: opening is tried again when a connection is used.
        """
        for node in nodes:
            threading.Thread(target=self._connect, args=(node,), daemon=True).start()

    def _connect(self, node: str) -> None:
        with contextlib.suppress(ClusterkitError):
            self.transport(node).run(Command(("true",)))

    def look_ahead(self, looks: Iterable[tuple[str, Command | DockerLook]]) -> None:
        """Answer looks that will be asked for in fewer round trips; see :class:`Ahead`."""
        of_engine = self._ahead.expect(looks)
        if of_engine:
            for node, _ in of_engine:  # here: two threads at once in paramiko's import fail
                self.engine(node)
            self._ahead.ask_engine(of_engine, lambda node, look: self.engine(node).look(look))
            import_module("clusterkit.transports.ssh_connection")  # as long as the answers take

    def reach_by(self, access: Mapping[str, Callable[[], Transport]]) -> None:
        """Reach nodes another way from now on: machines may tell where their containers are."""
        self._access = access

    def machine(self, node: str) -> Transport:
        """The machine of a node: the node itself, or what carries its container."""
        return self._machines.get(node) or self.transport(node)

    def engine(self, node: str) -> DockerEngine:
        """The Docker engine on which a node is: its machine's, or the one of all nodes."""
        host = node if node in self._machines else HOST
        with self._engine_lock:
            if host not in self._engines:
                self._engines[host] = (
                    _engine_of(self._machines[host], self._maker)
                    if host in self._machines
                    else self._open_engine()
                )
            return self._engines[host]

    def perform(
        self,
        node: str,
        action: Action | DockerLook,
        on_progress: Callable[[str], None] | None = None,
    ) -> Result:
        """Do one thing; ``on_progress`` takes the lines of a long Docker operation."""
        match action:
            case DockerLook():
                return self._ahead.of_engine(action) or self.engine(node).look(action)
            case Command() if self._ahead.is_look(node, action):
                transport = self.transport(node)
                answer = self._ahead.of_node(node, action, transport.run_all)
                return answer or transport.run(action)
            case _:
                self._ahead.discard()
                return self._change(node, action, on_progress)

    def _change(
        self, node: str, action: Action, on_progress: Callable[[str], None] | None
    ) -> Result:
        self._guard()
        match action:
            case Put():
                self.transport(node).put(action)
                return Result(node, action, 0)
            case DockerCall():
                result = self.engine(node).apply(action, on_progress)
                if there := self._transports.get(node):  # it may be another sshd from now on
                    there.close()
                return result
            case _:
                return self.transport(node).run(action)

    def end_running(self) -> frozenset[str]:
        """End every program that somebody waits for: Ctrl-C does not reach the nodes by itself.

        Returns the nodes that do not answer, which are left; a second Ctrl-C leaves all of them.
        """
        try:
            silent = self.leave_silent()
            alive = [(name, each) for name, each in self._in_use() if name not in silent]
            return silent | _late(alive, _ended)
        except KeyboardInterrupt:
            self.close()
            raise

    def leave_silent(self) -> frozenset[str]:
        """The nodes that do not answer now; nobody waits for them any more."""
        silent = _late(self._in_use(), lambda each: each.answers(_ANSWERS_WITHIN_S))
        for name, transport in self._in_use():
            if name in silent:
                transport.give_up()
        return silent

    def _in_use(self) -> list[tuple[str, Transport]]:
        return [*self._transports.items(), *self._machines.items()]

    def close(self) -> None:
        """Give back every connection."""
        until = time.monotonic() + _BESIDE_S
        for thread in self._beside:
            thread.join(max(0.0, until - time.monotonic()))
        with contextlib.ExitStack() as all_of_them:  # one that fails stops no other
            for transport in self._transports.values():
                all_of_them.callback(transport.close)
            for machine in self._machines.values():
                all_of_them.callback(machine.close)
            for engine in self._engines.values():
                all_of_them.callback(engine.close)
        self._transports.clear()
        self._engines.clear()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _nothing() -> None:
    """What guards a world that nobody has locked."""


def _ended(transport: Transport) -> bool:
    transport.end_running()
    return True


def _late(
    transports: Iterable[tuple[str, Transport]], ask: Callable[[Transport], bool]
) -> frozenset[str]:
    """The nodes of which ``ask`` says no, or does not come to an end in time; all at once."""
    answered: set[Transport] = set()

    def note(transport: Transport) -> None:
        with contextlib.suppress(ClusterkitError, OSError):
            if ask(transport):
                answered.add(transport)

    rows = list(transports)
    threads = [threading.Thread(target=note, args=(row[1],), daemon=True) for row in rows]
    for thread in threads:
        thread.start()
    until = time.monotonic() + _ENDED_WITHIN_S
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    return frozenset(name for name, transport in rows if transport not in answered)


def _engine_of(machine: SshTransport, maker: str | None) -> DockerEngine:
    """A machine's own Docker engine, over the connection to the machine."""
    from clusterkit.transports.machine_engine import MachineEngine

    return MachineEngine(machine, maker)

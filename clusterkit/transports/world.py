"""Everything that a verb touches: the cluster's nodes and its Docker engine, opened when used."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING

from clusterkit.command import Action, Command, DockerCall, DockerLook, Put, Result
from clusterkit.errors import ClusterkitError
from clusterkit.transports.base import Transport

if TYPE_CHECKING:
    from clusterkit.transports.docker_engine import DockerEngine

_QUESTIONS_AT_ONCE = 4


class World:
    """Performs actions on nodes. Each node is connected at most once, whoever asks."""

    def __init__(
        self,
        access: Mapping[str, Callable[[], Transport]],
        engine: Callable[[], DockerEngine],
    ) -> None:
        self._access = access
        self._open_engine = engine
        self._engine: DockerEngine | None = None
        self._transports: dict[str, Transport] = {}
        self._ahead: dict[DockerLook, Future[Result]] = {}
        self._locks = {node: threading.Lock() for node in access}
        self._engine_lock = threading.Lock()

    def transport(self, node: str) -> Transport:
        """How ``node`` is reached; KeyError where the cluster has no such node."""
        with self._locks[node]:  # one each, so that nodes open at the same time
            if node not in self._transports:
                self._transports[node] = self._access[node]()
            return self._transports[node]

    def connect(self, nodes: Iterable[str]) -> None:
        """Open connections in the background, for those who will use them.

        What goes wrong is theirs to hear: opening is tried again when a connection is used.
        """
        for node in nodes:
            threading.Thread(target=self._connect, args=(node,), daemon=True).start()

    def _connect(self, node: str) -> None:
        with contextlib.suppress(ClusterkitError):
            self.transport(node).run(Command(("true",)))

    def look_ahead(self, questions: Iterable[DockerLook]) -> None:
        """Ask the Docker engine at once what will be asked soon; an answer serves once.

        The first change to anything on the engine discards them all.
        """
        asked = set(questions)
        if not asked:
            return
        pool = ThreadPoolExecutor(_QUESTIONS_AT_ONCE)
        self._ahead = {each: pool.submit(self.engine.look, each) for each in asked}
        pool.shutdown(wait=False)
        import_module("clusterkit.transports.ssh_connection")  # it takes as long as the answers

    @property
    def engine(self) -> DockerEngine:
        """The Docker engine on which the nodes are."""
        with self._engine_lock:
            if self._engine is None:
                self._engine = self._open_engine()
            return self._engine

    def perform(
        self,
        node: str,
        action: Action | DockerLook,
        on_progress: Callable[[str], None] | None = None,
    ) -> Result:
        """Do one thing; ``on_progress`` takes the lines of a long Docker operation."""
        match action:
            case Put():
                self.transport(node).put(action)
                return Result(node, action, 0)
            case DockerCall():
                self._ahead = {}  # what was seen before holds no more
                return self.engine.apply(action, on_progress)
            case DockerLook():
                ahead = self._ahead.pop(action, None)
                return self.engine.look(action) if ahead is None else ahead.result()
            case _:
                return self.transport(node).run(action)

    def end_running(self) -> None:
        """End every program that somebody waits for: Ctrl-C does not reach the nodes by itself."""
        with contextlib.ExitStack() as all_of_them:
            for transport in self._transports.values():
                all_of_them.callback(transport.end_running)

    def close(self) -> None:
        """Give back every connection."""
        with contextlib.ExitStack() as all_of_them:  # one that fails stops no other
            for transport in self._transports.values():
                all_of_them.callback(transport.close)
            if self._engine is not None:
                all_of_them.callback(self._engine.close)
        self._transports.clear()
        self._engine = None

    def __enter__(self) -> World:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

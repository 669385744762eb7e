"""The real HTTP side of a server, over ranks that say what a test wrote, at a pace."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from clusterkit.payloads.server.serving import listening, serve_at
from clusterkit.payloads.server.settings import Settings
from clusterkit.payloads.server.work import Load, Work
from tests.stand_ins.cluster_server import cluster_of
from tests.unit.payloads.server.stand_in import ScriptedRanks, says, tiny_tokenizer


class PacedRanks(ScriptedRanks):
    """Every open answer has one byte of ``text`` more each ``every_s``."""

    def __init__(self) -> None:
        self.text = ""
        self.every_s = 0.01
        self._ended = threading.Event()
        super().__init__(lambda work: says(self.text)(work), held=True)
        self.context = 2048
        self._pacer = threading.Thread(target=self._pace, daemon=True)
        self._pacer.start()

    def load(self) -> Load:
        now = super().load()
        # One more token: a server asks for one before it calls itself ready.
        return Load(running=now.running, queued=0, slots=16, tokens=now.tokens + 1)

    def stop(self) -> None:
        self._ended.set()
        self._pacer.join(20)
        super().stop()

    def conversations(self) -> list[str]:
        """What each request asked, as the template of the stand-in wrote it."""
        return [tiny_tokenizer().decode(work.prompt) for work in self.works]

    def last(self) -> Work:
        return self.works[-1]

    def _pace(self) -> None:
        while not self._ended.wait(self.every_s):
            self.say_one()


class PacedServer:
    """A server that a test can end before its time."""

    def __init__(self, port: int, **settings: Any) -> None:
        self.ranks = PacedRanks()
        self._listener = listening("127.0.0.1", port)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._stop = threading.Event()
        self._settings = Settings(**{"name": "smollm2-135m", "pp": 2, "drain_s": 0.2, **settings})
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        assert self._listens.wait(20)

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(20)
        self.ranks.stop()
        assert not self._thread.is_alive()

    def _serve(self) -> None:
        cluster = cluster_of(tp=1, pp=2, nodes=2)
        about = {"ranks": cluster["replicas"][0]["ranks"], "versions": cluster["versions"]}
        with self._listener:
            serve_at(
                self._listener,
                self._settings,
                self.ranks,
                tiny_tokenizer(),
                lambda: about,
                on_listening=self._listens.set,
                stop=self._stop,
            )


@contextlib.contextmanager
def paced_server(port: int = 0, **settings: Any) -> Iterator[PacedServer]:
    """One at a free port, or at this one; gone afterwards."""
    server = PacedServer(port, **settings)
    try:
        yield server
    finally:
        server.stop()

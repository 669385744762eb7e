"""A router over real sockets, before servers with scripted ranks; their jobs are files."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from openai import OpenAI

from clusterkit.payloads.generate_events import Failed
from clusterkit.payloads.processes import birth
from clusterkit.payloads.router.routing import route_at
from clusterkit.payloads.server.serving import listening
from tests.unit.payloads.server.stand_in import NAME, WITHIN_S, Running, running

KEY = "the key between router and replicas"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


class JobOnFile:
    """The record of one replica's job on the head, as its supervisor writes it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._logs = folder / "logs"
        self._logs.mkdir(parents=True)
        self.state("running")

    def state(self, state: str) -> None:
        supervisor = {"pid": os.getpid(), "birth": birth(os.getpid())}
        row = {"id": self.folder.name, "state": state, "supervisor": supervisor}
        draft = self.folder / "state.new"
        draft.write_text(json.dumps(row))
        draft.rename(self.folder / "state.json")

    def tell(self, **message: Any) -> None:
        with (self._logs / "told.jsonl").open("a") as file:
            file.write(json.dumps({**message, "at": time.time()}) + "\n")

    def serves_at(self, port: int) -> None:
        event = {"event": "serving", "model": NAME, "port": port, "answer": "Paris"}
        line = json.dumps(event) + "\n"
        with (self._logs / "rank-0.answers").open("a") as file:
            file.write(line)
        self.tell(t="answer", rank=0, stream="answer", bytes=len(line))

    def ends(self, why: str) -> None:
        self.state("failed")
        self.tell(t="end", outcome="failed", message=why)


@dataclass
class Routing:
    """A router that runs in a thread, and what it told."""

    port: int
    replicas: list[Running]
    jobs: list[JobOnFile]
    told: list[dict[str, Any]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    failed: list[str] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> OpenAI:
        return OpenAI(base_url=f"{self.url}/v1", api_key="none", max_retries=0, timeout=WITHIN_S)

    def get(self, path: str, **more: Any) -> httpx2.Response:
        return httpx2.get(self.url + path, timeout=WITHIN_S, **more)

    def ask(self, **more: Any) -> httpx2.Response:
        asked = {"model": NAME, "prompt": "hi", **more}
        return httpx2.post(self.url + "/v1/completions", json=asked, timeout=WITHIN_S)

    def stream(self) -> Any:
        return self.client().completions.create(model=NAME, prompt="hi", stream=True)

    def events(self) -> list[tuple[Any, ...]]:
        return [
            (each["event"], each.get("name"), each.get("ready"), each.get("why"))
            for each in self.told
        ]

    def works(self) -> list[int]:
        """How many requests came to each replica, but for the first token that made it ready."""
        return [len(each.ranks.works) for each in self.replicas]


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def warm(server: Running) -> None:
    """Have a first token, without which no server is ready."""
    asked = {"model": NAME, "prompt": "hi", "max_tokens": 1}
    own = {"Authorization": f"Bearer {KEY}"}
    assert server.post(json=asked, headers=own).status_code == 200
    server.ranks.works.clear()


@contextmanager
def routing(
    folder: Path, count: int = 2, *, ready: bool = True, held: bool = False, **settings: Any
) -> Iterator[Routing]:
    """A router before so many servers; all are gone afterwards."""
    with ExitStack() as stack:
        replicas = []
        for _ in range(count):
            server = stack.enter_context(running("yes", api_keys_sha256=(DIGEST,)))
            warm(server)
            server.ranks._held = held
            replicas.append(server)
        jobs = [JobOnFile(folder / f"serve-abc123-r{number}") for number in range(count)]
        listener = stack.enter_context(listening("127.0.0.1", 0))
        router = Routing(listener.getsockname()[1], replicas, jobs)
        request = {
            "name": NAME,
            "drain_s": 0.2,
            "max_batch": 4,
            "max_queue": 2,
            "replicas": [
                {"name": str(number), "folder": str(job.folder), "host": "127.0.0.1"}
                for number, job in enumerate(jobs)
            ],
            **settings,
        }

        def run() -> None:
            try:
                route_at(
                    listener,
                    request,
                    KEY,
                    tell=lambda **event: router.told.append(event),
                    stop=router.stop,
                )
            except Failed as error:
                router.failed.append(str(error))
            finally:
                router.ended.set()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            if ready:
                for job, server in zip(jobs, replicas, strict=True):
                    job.serves_at(server.port)
                until(lambda: any(each["event"] == "serving" for each in router.told))
            yield router
        finally:
            router.stop.set()
            thread.join(WITHIN_S)
            for job in jobs:
                job.state("stopped")
            assert not thread.is_alive()

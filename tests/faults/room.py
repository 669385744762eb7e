"""A lab of its own, with the person who made it, for one run of the cases."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker

from clusterkit.events import Event, StepStarted
from clusterkit.model.lab_options import LabOptions
from clusterkit.use_cases import lab_faults
from clusterkit.use_cases.session import Session, Which, find
from tests.e2e.controller import CLUSTER_LABEL, REPOSITORY, Controller, new_cluster_name
from tests.faults.leftovers import Seen, look
from tests.faults.own_engine import OwnEngine

_ENDS_BY_ITSELF_S = 10.0


class Running:
    """A verb that runs, and what it has printed, with when."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.began = time.monotonic()
        self.ended: float | None = None
        self._text = {"stdout": "", "stderr": ""}
        self._times: list[tuple[float, str, int]] = []
        self._changed = threading.Condition()
        self._threads = [
            threading.Thread(target=self._read, args=(name,), daemon=True) for name in self._text
        ]
        for thread in self._threads:
            thread.start()

    def _read(self, name: str) -> None:
        stream = getattr(self.process, name)
        while data := os.read(stream.fileno(), 1 << 16):
            with self._changed:
                self._text[name] += data.decode(errors="replace")
                self._times.append((time.monotonic(), name, len(self._text[name])))
                self._changed.notify_all()

    @property
    def stdout(self) -> str:
        """Its answer so far."""
        with self._changed:
            return self._text["stdout"]

    @property
    def text(self) -> str:
        """All that it has printed."""
        with self._changed:
            return self._text["stdout"] + self._text["stderr"]

    def until(self, is_so: Callable[[str], object], timeout_s: float) -> bool:
        """Wait for something that it prints; False where it ends, or is late."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if is_so(self.text):
                return True
            if self.process.poll() is not None and not any(t.is_alive() for t in self._threads):
                return bool(is_so(self.text))
            with self._changed:
                self._changed.wait(0.05)
        return False

    def first(self, is_so: Callable[[str], object]) -> float | None:
        """When its errors first had something."""
        with self._changed:
            for when, name, length in self._times:
                if name == "stderr" and is_so(self._text[name][:length]):
                    return when
        return None

    def end(self, timeout_s: float) -> int | None:
        """Its exit code; None where it does not end, and was killed."""
        try:
            code: int | None = self.process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            code = None
        self.ended = time.monotonic()
        for thread in self._threads:
            thread.join(5)
        return code


@dataclass
class Room:
    """One lab. ``fault_at`` is when the last fault was made."""

    controller: Controller
    engine: docker.DockerClient
    name: str
    folder: Path
    image: str
    nodes: int = 3
    fault_at: float = 0.0
    verb: Running | None = None
    own: OwnEngine | None = None

    def lab_up(self) -> None:
        """Make it, or make it so again; it must succeed."""
        done = self.controller(*self.up_words)
        if done.returncode != 0:
            raise RuntimeError(f"the lab cannot be made: {done.stderr}")

    @property
    def up_words(self) -> tuple[object, ...]:
        """The verb that makes it."""
        size = ("--nodes", self.nodes, "--slots", 1)
        return ("lab", "up", "--name", self.name, *size, "--image", self.image)

    @property
    def is_gone(self) -> bool:
        """Whether this person has it no more."""
        return not self.state.exists()

    def mended(self) -> None:
        """Heal all faults, and bring the lab to where it was."""
        mark = {"label": f"{CLUSTER_LABEL}={self.name}"}
        if self.engine.containers.list(all=True, filters=mark):
            self.controller("lab", "heal", "-c", self.name)
        self.lab_up()

    def start(self, *words: object) -> Running:
        """Start a verb; a word that is a function is asked for what it means now."""
        return Running(self.controller.start(*self.words(words)))

    def words(self, words: tuple[object, ...]) -> list[object]:
        """The words of a verb in this lab."""
        return [word(self) if callable(word) else word for word in words]

    def model(self, name: str) -> Path:
        """A small language model of chance weights, which never comes to an end by itself."""
        folder = self.folder / name
        if not folder.exists():
            size = ("4", "512") if name == "small" else ("8", "1024")
            program = REPOSITORY / "tests/gpu/random_llama.py"
            subprocess.run(
                [sys.executable, program, folder, *size], check=True, capture_output=True
            )
        return folder

    @property
    def session(self) -> Session:
        """The lab as clusterkit knows it."""
        return find(Which(self.name))

    @property
    def state(self) -> Path:
        """The lab's folder in the state."""
        return self.controller.home / "clusters" / self.name

    @property
    def file(self) -> Path:
        """Its inventory."""
        return self.state / "lab.yaml"

    def fault(self, *words: str, one_way: bool = False) -> None:
        """Make a fault, as `lab fault` does; it counts from the moment of its first step."""

        def sink(event: Event) -> None:
            if isinstance(event, StepStarted) and not started:
                started.append(time.monotonic())

        started: list[float] = []
        options = LabOptions(action="fault", words=words, one_way=one_way)
        lab_faults.fault(self.session, options, sink=sink)
        self.fault_at = started[0]

    def heal(self) -> None:
        """Undo all that can be undone."""
        lab_faults.heal(self.session, LabOptions(action="heal"), sink=lambda _: None)

    def container(self, node: str) -> Any:
        """A node's container."""
        return self.engine.containers.get(f"{self.name}-{node}")

    def inside(self, node: str, *argv: str) -> str:
        """What a program prints in a node's container."""
        code, output = self.container(node).exec_run(list(argv))
        if code != 0:
            raise RuntimeError(f"{node}: {argv}: {output.decode()}")
        return str(output.decode())

    def look(self) -> Seen:
        """All that is there now."""
        return look(self.engine, self.name, self.controller.home)

    def left(self, before: Seen, keeps: str | None = None) -> list[str]:
        """What was not there and is not kept by design; what ends by itself soon is not left."""
        deadline = time.monotonic() + _ENDS_BY_ITSELF_S
        while (more := self._beyond(before, keeps)) and time.monotonic() < deadline:
            time.sleep(0.2)
        return more

    def _beyond(self, before: Seen, keeps: str | None) -> list[str]:
        more = self.look().beyond(before)
        return [line for line in more if keeps is None or not re.search(keeps, line)]


@contextlib.contextmanager
def room(
    engine: docker.DockerClient,
    folder: Path,
    image: str,
    nodes: int = 3,
    own: OwnEngine | None = None,
) -> Iterator[Room]:
    """A lab that is up; whatever becomes of it, nothing stays."""
    name = new_cluster_name()
    home = folder / "home"
    controller = Controller(home, engine, {name}, before=own.before if own else ())
    given = os.environ.get("CLUSTERKIT_HOME")
    os.environ["CLUSTERKIT_HOME"] = str(home)
    try:
        made = Room(controller, engine, name, folder, image, nodes, own=own)
        made.lab_up()
        yield made
    finally:
        if given is None:
            del os.environ["CLUSTERKIT_HOME"]
        else:
            os.environ["CLUSTERKIT_HOME"] = given
        controller.close()

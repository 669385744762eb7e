"""A real terminal, by tmux: what a person types, and what the screen shows."""

from __future__ import annotations

import secrets
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.controller import CLUSTERKIT, REPOSITORY, Controller
from tests.e2e.running_job import within


@dataclass(frozen=True)
class Screen:
    """One window of 100 columns and 40 lines, with a server of tmux to itself."""

    socket: Path

    def type(self, *keys: str) -> None:
        """Press keys: ``Enter``, ``C-c``, ``M-Enter`` and the like by name, others as text."""
        self.tmux("send-keys", *keys)

    def shows(self, *lines: str, within_s: float = 20) -> str:
        """The whole screen, as soon as it has these lines one after another."""
        wanted = "\n".join(lines)
        try:
            within(within_s, lambda: wanted in self.text())
        except AssertionError:
            raise AssertionError(f"no {wanted!r} in:\n{self.text()}") from None
        return self.text()

    def text(self) -> str:
        """What can be read now, with what has scrolled away."""
        return self.tmux("capture-pane", "-p", "-S", "-200").rstrip()

    def tmux(self, *words: str) -> str:
        argv = ("tmux", "-f", "/dev/null", "-S", str(self.socket), *words)
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


@contextmanager
def terminal(controller: Controller, folder: Path, *words: str) -> Iterator[Screen]:
    """A person types ``clusterkit WORDS``; the screen ends with its exit code."""
    screen = Screen(folder / f"tmux-{secrets.token_hex(4)}")
    line = f"{shlex.join([*CLUSTERKIT, *words])}; echo exit code $?; read -r rest"
    names = ("CLUSTERKIT_HOME", "CLUSTERKIT_CACHE", "PYTHONPATH")
    given = [f"{name}={controller.environment.get(name, '')}" for name in names]
    variables = [word for each in given for word in ("-e", each)]
    size = ("-x", "100", "-y", "40", "-c", str(REPOSITORY))
    screen.tmux("new-session", "-d", *size, *variables, line)
    try:
        yield screen
    finally:
        screen.tmux("kill-server")

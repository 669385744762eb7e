"""Everything of a lab that is there, looked for from outside: by the kernel and the engine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

from tests.e2e.controller import CLUSTER_LABEL

_FILES = r"""
find /tmp /var/tmp /dev/shm -mindepth 1 2>/dev/null
find "$1/jobs" -mindepth 2 ! -path '*/logs' ! -path '*/logs/*' ! -name state.json 2>/dev/null
for end in '*.part' '*.checkpoint' '*.upload' '.*.new'; do find "$2" -name "$end" 2>/dev/null; done
true
"""
# A session that ends has a socket a moment longer; who listens is what matters.
_PORTS = 'ss -Hltn | while read -r _ _ _ local _; do echo "$local"; done'


@dataclass(frozen=True)
class Seen:
    """What a look saw, a line each."""

    lines: frozenset[str]

    def beyond(self, before: Seen) -> list[str]:
        """What was not there before."""
        return sorted(self.lines - before.lines)


NOTHING = Seen(frozenset())
"""What a cluster that is gone has."""


def look(engine: docker.DockerClient, name: str, home: Path) -> Seen:
    """All that is there of a cluster and of those who work on it from a state folder."""
    boxes = engine.containers.list(all=True, filters={"label": f"{CLUSTER_LABEL}={name}"})
    lines = {f"container {box.name} {box.status}" for box in boxes}
    running = {box.name: box for box in boxes if box.status == "running"}
    lines |= _processes(running)
    lines |= {f"controller: {words}" for words in controllers(home)}
    for box in running.values():
        lines |= _inside(box, name)
    mark = {"label": f"{CLUSTER_LABEL}={name}"}
    lines |= {f"network {each.name}" for each in engine.networks.list(filters=mark)}
    names = [each.name for each in engine.volumes.list()]
    lines |= {f"volume {each}" for each in names if each.startswith(f"clusterkit-{name}-")}
    lines |= {f"file {each}" for each in _drafts(home)}
    return Seen(frozenset(lines))


def _processes(boxes: dict[str, Any]) -> set[str]:
    """What runs in the containers, but what a container itself consists of."""
    ids = {box.id: name for name, box in boxes.items()}
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            group = (folder / "cgroup").read_text()
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
        except OSError:  # it ended
            continue
        name = next((name for number, name in ids.items() if number in group), None)
        if name and words and not _is_container_itself(words):
            found.add(f"process {name}: {words[:120]}")
    return found


def _is_container_itself(words: str) -> bool:
    return words.startswith(("/sbin/docker-init ", "sshd: /usr/sbin/sshd ", "/usr/sbin/sshd "))


def controllers(home: Path) -> set[str]:
    """The processes of this machine that work with a state folder."""
    mark = f"CLUSTERKIT_HOME={home}".encode()
    found = set()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                if words and state != "Z":
                    found.add(words[:120])
        except OSError:
            continue
    return found


def _inside(box: Any, name: str) -> set[str]:
    """Files and ports that are in one container."""
    node = box.name.removeprefix(f"{name}-")
    try:
        _, files = box.exec_run(
            ["sh", "-c", _FILES, "sh", f"/var/lib/clusterkit/{name}", "/shared"]
        )
        _, ports = box.exec_run(["sh", "-c", _PORTS])
    except (APIError, NotFound) as error:
        return {f"{node}: cannot be looked into: {error}"}
    return {f"file {node}: {line}" for line in files.decode().splitlines()} | {
        f"port {node}: {line}" for line in ports.decode().splitlines() if "127.0.0.11" not in line
    }


def _drafts(home: Path) -> list[str]:
    """Files of the state that were being written: they begin with a dot."""
    return [str(path.relative_to(home)) for path in home.rglob(".*") if path.is_file()]

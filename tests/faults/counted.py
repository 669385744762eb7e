"""What a lab and its controller have of everything that could grow: numbers to compare."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.faults.leftovers import controllers
from tests.faults.room import Room

_INSIDE = r"""
echo processes $(ls -d /proc/[0-9]* | wc -l)
echo open-files $(ls /proc/[0-9]*/fd 2>/dev/null | grep -c '^[0-9]')
echo connections $(ss -Hatn state established | wc -l)
echo listening-ports $(ss -Hltn | wc -l)
echo shared-memory $(ls /dev/shm | wc -l)
echo temporary-files $(find /tmp /var/tmp -mindepth 1 | wc -l)
echo job-files $(find "$1/jobs" -mindepth 2 -type f ! -path '*/logs/*' ! -name state.json | wc -l)
echo jobs-on-file $(ls "$1/jobs" 2>/dev/null | wc -l)
"""
_RSS = "rss "


def counts(room: Room) -> dict[str, int]:
    """Every number by its name; those of nodes are sums over all of them."""
    found: dict[str, int] = {}
    home = f"/var/lib/clusterkit/{room.name}"
    for number in range(1, room.nodes + 1):
        node = f"node{number}"
        lines = room.inside(node, "sh", "-c", _INSIDE, "sh", home).splitlines()
        for name, value in (line.split() for line in lines):
            found[f"nodes: {name}"] = found.get(f"nodes: {name}", 0) + int(value)
        memory = found.get("nodes: memory, KiB", 0)
        found["nodes: memory, KiB"] = memory + _memory_kib(room.container(node).id)
    state = [path for path in room.controller.home.rglob("*") if path.is_file()]
    return found | {
        "controller: processes": len(controllers(room.controller.home)),
        "controller: files of its state": len(state),
        "controller: connections to nodes": _connections(str(room.session.cluster.subnet)),
        "engine: containers, networks, volumes": sum(
            line.startswith(("container", "network", "volume")) for line in room.look().lines
        ),
    }


def _memory_kib(container: str) -> int:
    """What processes of a container have in memory, without files that the kernel keeps."""
    old = Path(f"/sys/fs/cgroup/memory/docker/{container}/memory.stat")
    new = Path(f"/sys/fs/cgroup/system.slice/docker-{container}.scope/memory.stat")
    file, word = (old, _RSS) if old.exists() else (new, "anon ")
    lines = file.read_text().splitlines() if file.exists() else []
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith(word)), 0)


def _connections(subnet: str) -> int:
    """How many this machine has to the nodes."""
    argv = ["ss", "-Htn", "state", "established", "dst", subnet]
    listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    return len(listed.splitlines())

"""One command on many machines, beside what else does that; and what memory each machine takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.fan_peers import install, peers
from bench.lab import CLUSTERKIT, Lab, lab
from bench.loopback_sshd import Machines, machines
from bench.race import Heat, Row, Target, race, timed

_SIZES = (16, 64, 128)
_FASTER_FROM = 64
_RUNS = 7
_KIB_PER_MB = 1_000_000 / 1024

_INVENTORY = """\
cluster: {name}
provider: ssh
runtime: bare
ssh: {{user: "{user}", port: {port}, key_file: "{key_file}"}}
nodes:
  node[001-{count:03}]: {{host: "{net}.[1-{count}]", slots: 1}}
network: {{subnet: {net}.0/24}}
storage: {{kind: sync, path: "{folder}/models"}}
"""


def fanout() -> list[Row]:
    """``exec @all -- true`` on 16, 64 and 128 machines."""
    install(lambda line: print(line, file=sys.stderr))
    with lab() as here:
        return [row for count in _SIZES for row in _side_by_side(here, count)]


def _side_by_side(here: Lab, count: int) -> list[Row]:
    folder = here.folder / f"machines{count}"
    folder.mkdir()
    with machines(folder, count) as lent:
        env = {**here.env, "HOME": str(_home(lent))}
        others = peers(lent)
        installed = {
            peer.name: _timed(peer.argv, {**env, **peer.env}, folder)
            for peer in others
            if peer.argv
        }
        file = _inventory(lent, here.name("fanout"))
        ours = _measured((CLUSTERKIT, "exec", "@all", "--inventory", file, "--", "true"), env)
        one = _measured((CLUSTERKIT, "exec", "node001", "--inventory", file, "--", "true"), env)
        found = race({"ours": ours, "one": one, **installed}, runs=_RUNS)
    target = Target("ratio", 1.0 if count >= _FASTER_FROM else None)
    return [
        *(
            Row(
                f"exec @all -- true, {count} machines",
                peer.name,
                found["ours"]["whole"],
                found[peer.name]["whole"] if peer.name in found else (),
                target,
            )
            for peer in others
        ),
        Row(
            f"memory of exec, {count} machines",
            "clusterkit exec on one machine",
            found["ours"]["memory"],
            found["one"]["memory"],
            Target("each", 1.0, among=count - 1),
            unit="MB",
        ),
    ]


def _home(lent: Machines) -> Path:
    """A home folder whose known_hosts holds all machines, and which is otherwise empty."""
    known_hosts = lent.folder / "home" / ".ssh" / "known_hosts"
    known_hosts.parent.mkdir(parents=True)
    known_hosts.write_bytes(lent.known_hosts.read_bytes())
    return known_hosts.parent.parent


def _inventory(lent: Machines, name: str) -> Path:
    net, _, _ = lent.addresses[0].rpartition(".")
    file = lent.folder / f"{name}.yaml"
    file.write_text(
        _INVENTORY.format(
            name=name,
            user=lent.user,
            port=lent.port,
            key_file=lent.key_file,
            count=len(lent.addresses),
            net=net,
            folder=lent.folder,
        )
    )
    return file


def _timed(argv: Sequence[str | Path], env: Mapping[str, str], folder: Path) -> Heat:
    return lambda: {"whole": timed(argv, env=env, cwd=folder)}


def _measured(
    argv: Sequence[str | Path], env: Mapping[str, str]
) -> Callable[[], dict[str, float]]:
    """Time one process, and ask the kernel how much memory it held at most."""

    def heat() -> dict[str, float]:
        began = time.perf_counter()
        process = subprocess.Popen(
            argv, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        took_s = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"{' '.join(map(str, argv))} exited with {process.returncode}")
        return {"whole": took_s, "memory": usage.ru_maxrss / _KIB_PER_MB}

    return heat

"""One engine from a node to 2, 4 and 8 others over links of 200 Mbit/s, beside other ways."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.fan_peers import FOLDER, install
from bench.lab import CLUSTERKIT, HELLO_IMAGE, PYTHON, Lab, lab
from bench.links import shaped
from bench.race import Row, Target, timed
from bench.ssh_machines import Machines, machines

_COUNTS = (2, 4, 8)
_MBIT = 200
_MB = int(os.environ.get("BENCH_PUSH_MB", "1000"))
_RUNS = 3
_TARGET = 1.3
_IMAGE = "clusterkit/bench-rsync:dev"
_DOCKERFILE = f"""\
FROM {HELLO_IMAGE}
RUN apt-get update && apt-get install -y --no-install-recommends rsync
"""
_STORAGE = "/var/tmp/clusterkit-bench"  # noqa: S108
_ENGINES = f"{_STORAGE}/clusterkit/engines"
_NAME = "bench-tp1-0123456789ab"
_SOURCE, _PLACED = "/root/engines", "/srv/engines"
"""Where it lies for the peers, and where they put it."""
_INVENTORY = """\
cluster: {name}
provider: ssh
runtime: bare
ssh: {{user: root, key_file: "{key_file}"}}
nodes:
{nodes}
network: {{subnet: {subnet}}}
storage: {{kind: sync, path: {storage}}}
python: {python}
"""
_SSH = (
    "ssh -i /bench/id -o BatchMode=yes -o UserKnownHostsFile=/bench/home/.ssh/known_hosts"
    " -o KexAlgorithms=curve25519-sha256"
)
_WRITE = """
import hashlib, os, sys
digest = hashlib.sha256()
with open(sys.argv[1], "wb") as file:
    for _ in range(int(sys.argv[2])):
        digest.update(block := os.urandom(1000000))
        file.write(block)
print(digest.hexdigest())
"""


def distribution() -> list[Row]:
    """``engines push`` beside rsync, one by one and at once, and ``clush --copy``."""
    image = _image()
    install(lambda line: print(line, file=sys.stderr))
    with lab() as here, machines(here, max(_COUNTS) + 1, image=image or HELLO_IMAGE) as lent:
        sha256 = _engine_file(lent.names[0])
        with shaped(lent.names, mbit=_MBIT):
            ours = {count: _ours(here, lent, count, sha256) for count in _COUNTS}
            return [
                row
                for count in _COUNTS
                for row in _rows(lent, count, ours[count], sha256, has_rsync=image is not None)
            ]


def _rows(
    lent: Machines, count: int, ours: tuple[float, ...], sha256: str, *, has_rsync: bool
) -> list[Row]:
    """Ours against what the links allow, and against the others, which are measured once."""
    what = f"engines push, {_MB} MB to {count} nodes, {_MBIT} Mbit/s each"
    wire_s = _MB * 8 / _MBIT
    rows = [Row(what, "size / bandwidth", ours, (wire_s,) * len(ours), Target("ratio", _TARGET))]
    for peer, script in _ways(lent, count, has_rsync=has_rsync).items():
        once = () if script is None else (_theirs(lent, count, script, sha256),)
        _say(f"{peer} to {count}", once)
        name = f"{peer} (one run)" if once else peer
        rows.append(Row(what, name, ours, once * len(ours), Target("ratio", 1.0)))
    return rows


def _ways(lent: Machines, count: int, *, has_rsync: bool) -> dict[str, str | None]:
    """What else does it, as a shell line on the head; None: it is not installed."""
    others = lent.addresses[1 : count + 1]
    rsync = [f"rsync -a -e '{_SSH}' {_SOURCE}/{_NAME} {each}:{_PLACED}/" for each in others]
    at_once = " ".join(f'{each} & jobs="$jobs $!";' for each in rsync)
    scp = _SSH.replace("ssh", "scp -O", 1)
    clush = (
        f"PYTHONPATH=/clustershell {PYTHON} -m ClusterShell.CLI.Clush -S -O ssh_path='{_SSH}' "
        f"-O scp_path='{scp}' -f {count} -w {','.join(others)} "
        f"--copy {_SOURCE}/{_NAME} --dest {_PLACED}/"
    )
    return {
        "rsync, one by one": " && ".join(rsync) if has_rsync else None,
        "rsync, all at once": f"{at_once} for job in $jobs; do wait $job || exit 1; done"
        if has_rsync
        else None,
        f"clush -f {count} --copy": clush if _bring_clush(lent.names[0]) else None,
    }


def _say(who: str, seconds: Sequence[float]) -> None:
    """Whole runs take long: say how far it is."""
    shown = ", ".join(f"{each:.1f} s" for each in seconds) or "not installed"
    print(f"  {_MB} MB, {who}: {shown}", file=sys.stderr, flush=True)


def _ours(here: Lab, lent: Machines, count: int, sha256: str) -> tuple[float, ...]:
    """Seconds of the whole verb: it looks, sends, verifies, and looks again."""
    name, head = here.name(f"push{count}"), lent.names[0]
    env = {**here.env, "HOME": str(lent.home)}
    timed([CLUSTERKIT, "up", _inventory(lent, name, count), "--yes"], env=env)
    try:
        manifest = json.dumps(_manifest(sha256, ranks=count + 1))
        script = 'mkdir -p "$1" && ln -f "$0"/* "$1" && echo "$2" >"$1/manifest.json"'
        _inside(head, "sh", "-c", script, f"{_SOURCE}/{_NAME}", f"{_ENGINES}/{_NAME}", manifest)
        seconds = []
        for _ in range(_RUNS):
            _clear(lent, count, _ENGINES)
            seconds.append(timed([CLUSTERKIT, "engines", "push", _NAME, "-c", name], env=env))
            _check(lent, count, _ENGINES, sha256)
        _say(f"engines push to {count}", seconds)
        return tuple(seconds)
    finally:
        timed([CLUSTERKIT, "down", "-c", name, "--yes"], env=env)


def _theirs(lent: Machines, count: int, script: str, sha256: str) -> float:
    _clear(lent, count, _PLACED)
    began = time.perf_counter()
    _inside(lent.names[0], "sh", "-c", script)
    took_s = time.perf_counter() - began
    _check(lent, count, _PLACED, sha256)
    _clear(lent, count, _PLACED)
    return took_s


def _clear(lent: Machines, count: int, folder: str) -> None:
    """Take it away from all receivers, and let disks come to rest."""
    for name in lent.names[1 : count + 1]:
        _inside(name, "sh", "-c", 'rm -rf "$0" && mkdir -p "$0"', folder)
    subprocess.run(["sync"], check=True)


def _check(lent: Machines, count: int, folder: str, sha256: str) -> None:
    for name in lent.names[1 : count + 1]:
        said = _inside(name, "sha256sum", f"{folder}/{_NAME}/model.engine")
        assert said.split()[0] == sha256, (name, said)


def _engine_file(head: str) -> str:
    """Write the engine's one large file on the head, of bytes that nothing compresses."""
    folder = f"{_SOURCE}/{_NAME}"
    _inside(head, "mkdir", "-p", folder)
    return _inside(head, PYTHON, "-c", _WRITE, f"{folder}/model.engine", str(_MB)).strip()


def _manifest(sha256: str, *, ranks: int) -> dict[str, object]:
    """Every rank needs the same file, so every node gets all of it."""
    files = {"model.engine": {"size": _MB * 1_000_000, "sha256": sha256}}
    engine = {"tp": 1, "pp": ranks, "common_files": [], "rank_files": [["model.engine"]] * ranks}
    return {"format": 1, "name": "bench", "files": files, "shape": {}, "engine": engine}


def _inventory(lent: Machines, name: str, count: int) -> Path:
    nodes = [
        f'  node{number:02}: {{host: "{address}", address: "{address}", slots: 1}}'
        for number, address in enumerate(lent.addresses[: count + 1], start=1)
    ]
    file = lent.folder / f"{name}.yaml"
    file.write_text(
        _INVENTORY.format(
            name=name,
            key_file=lent.folder / "id",
            nodes="\n".join(nodes),
            subnet=lent.subnet,
            storage=_STORAGE,
            python=PYTHON,
        )
    )
    return file


def _image() -> str | None:
    """The machines' image with rsync; None where it cannot be had."""
    argv = ["docker", "build", "-q", "--network", "host", "--tag", _IMAGE, "-"]
    done = subprocess.run(argv, input=_DOCKERFILE.encode(), capture_output=True)
    if done.returncode:
        print(f"rsync could not be installed: {done.stderr.decode()}", file=sys.stderr)
        return None
    return _IMAGE


def _bring_clush(head: str) -> bool:
    """Put ClusterShell, which is plain Python, on the head; whether there is any."""
    found = next(FOLDER.glob("lib/python3*/site-packages/ClusterShell"), None)
    if found is None:
        return False
    _inside(head, "mkdir", "-p", "/clustershell")
    for package in (found, found.with_name("yaml")):
        subprocess.run(["docker", "cp", "-q", package, f"{head}:/clustershell/"], check=True)
    return True


def _inside(name: str, *argv: str) -> str:
    done = subprocess.run(["docker", "exec", name, *argv], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name}: {argv} exited with {done.returncode}:\n{done.stderr}")
    return done.stdout

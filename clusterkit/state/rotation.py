"""Replace key pairs so that an interruption at any moment leaves nobody locked out.

Beside the private key ``keys/NAME`` there is, while it is being replaced, ``keys/NAME.new`` until
nodes know the new one, then ``keys/NAME.old`` until no node needs the old one, then
``keys/NAME.revoked`` until every node was seen to refuse it. ``rotation.json`` says which keys
are meant and how far all of them are. It is written after the new keys were made and removed
before the last ones are forgotten, so without it such files mean nothing.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import cast, get_args

from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Cluster
from clusterkit.model.rotation import Phase, Rotation
from clusterkit.model.trust import KeyPair, Trust, host_key_name
from clusterkit.state.files import write
from clusterkit.state.keys import ensure_pair, key_file, load_pair, rotation_file

_LEFT = ("new", "old", "revoked")


def begin_rotation(folder: Path, names: tuple[str, ...]) -> Rotation:
    """Make new pairs beside those in use; no node knows them yet."""
    _forget_left(folder)  # of a beginning that was interrupted
    for name in names:
        ensure_pair(key_file(folder, f"{name}.new"))
    began_at = datetime.now(UTC).isoformat(timespec="seconds")
    return _note(folder, Rotation(names, "beside", began_at))


def load_rotation(folder: Path) -> Rotation | None:
    """The rotation that is under way, or was interrupted.

    Raises:
        ClusterkitError: If its record cannot be read.
    """
    file = rotation_file(folder)
    try:
        record = json.loads(file.read_bytes())
        names, phase, began_at = tuple(record["keys"]), record["phase"], record["began_at"]
        if phase not in get_args(Phase):
            raise ValueError(phase)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ClusterkitError(
            f"{file} cannot be read: this version did not write it. Fix: remove it, then run "
            "`clusterkit up INVENTORY` and `clusterkit keys rotate`"
        ) from error
    new = {name: pair for name in names if (pair := _first(folder, name, "new", None))}
    old = {name: pair for name in names if (pair := _first(folder, name, "old", "revoked"))}
    return Rotation(names, cast("Phase", phase), began_at, str(folder), new, old)


def switch_keys(folder: Path, rotation: Rotation) -> Rotation:
    """Let the new pairs be the ones in use, and keep the old ones."""
    for name in rotation.names:
        now, new = key_file(folder, name), key_file(folder, f"{name}.new")
        if new.exists():  # else this one was switched before an interruption
            write(key_file(folder, f"{name}.old"), now.read_bytes())
            new.replace(now)
    return _note(folder, replace(rotation, phase="switched"))


def withdraw_keys(folder: Path, rotation: Rotation) -> Rotation:
    """Let the old pairs count no more, and keep them to see them refused."""
    for name in rotation.names:
        old = key_file(folder, f"{name}.old")
        if old.exists():
            old.replace(key_file(folder, f"{name}.revoked"))
    return _note(folder, replace(rotation, phase="withdrawn"))


def pin(folder: Path, cluster: Cluster, rotation: Rotation, trust: Trust) -> None:
    """Write the known_hosts of those who are to take nodes for the new ones, or the old ones."""
    now = replace(trust, beside={})
    hosts = {
        node.name: rotation.old.get(host_key_name(node.name), trust.hosts[node.name])
        for node in cluster.nodes
    }
    before = replace(now, hosts=hosts)
    write(folder / "known_hosts.new", now.known_hosts(cluster).encode())
    write(folder / "known_hosts.revoked", before.known_hosts(cluster).encode())


def end_rotation(folder: Path) -> None:
    """Forget the old pairs."""
    rotation_file(folder).unlink(missing_ok=True)
    _forget_left(folder)


def _note(folder: Path, rotation: Rotation) -> Rotation:
    record = {
        "keys": rotation.names,
        "phase": rotation.phase,
        "began_at": rotation.began_at,
    }
    write(rotation_file(folder), json.dumps(record, indent=2).encode())
    noted = load_rotation(folder)
    if noted is None:
        raise ClusterkitError(f"{rotation_file(folder)} is gone. Fix: run the same command again")
    return noted


def _first(folder: Path, name: str, *endings: str | None) -> KeyPair | None:
    """The first pair that there is of ``name`` with one of ``endings``; None: the one in use."""
    for ending in endings:
        file = key_file(folder, f"{name}.{ending}" if ending else name)
        if pair := load_pair(file):
            return pair
    return None


def _forget_left(folder: Path) -> None:
    for part in (folder / "keys").glob(".*"):  # of a write that was killed
        part.unlink(missing_ok=True)
    for ending in _LEFT:
        for file in (*folder.glob(f"keys/*.{ending}"), *folder.glob(f"known_hosts.{ending}")):
            file.unlink(missing_ok=True)

"""A rotation may be interrupted between any two things that it does to files."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Cluster
from clusterkit.model.trust import key_names
from clusterkit.state.keys import ensure_trust, key_file, load_pair, load_trust, rotation_file
from clusterkit.state.rotation import (
    begin_rotation,
    end_rotation,
    load_rotation,
    pin,
    switch_keys,
    withdraw_keys,
)
from tests.unit.pair import pair

NAMES = key_names(pair())


class Crash(BaseException):
    """The machine goes down."""


class _Watch:
    """Python tells of every change to files before it is made; ``left`` more may be."""

    left: int | None = None

    def __call__(self, event: str, _arguments: tuple[object, ...]) -> None:
        if self.left is None or event not in ("os.rename", "os.remove", "os.chmod"):
            return
        self.left -= 1
        if self.left < 0:
            self.left = None
            raise Crash


WATCH = _Watch()
sys.addaudithook(WATCH)


@contextmanager
def crash_after(changes: int) -> Iterator[None]:
    WATCH.left = changes
    try:
        yield
    finally:
        WATCH.left = None


class Nodes:
    """What the nodes of a cluster know: written whenever a phase is settled."""

    def __init__(self, folder: Path, cluster: Cluster) -> None:
        self.folder, self.cluster = folder, cluster
        self.settle()

    def settle(self) -> None:
        trust = ensure_trust(self.folder, self.cluster)
        self.keys = set(trust.authorized_keys(self.cluster).splitlines())
        self.hosts = set(trust.known_hosts(self.cluster).splitlines())

    def take(self) -> bool:
        """Whether the keys that are in use now let everybody in and are known to all."""
        now = load_trust(self.folder, self.cluster)
        keys = {line.partition(" clusterkit")[0] for line in self.keys}
        hosts = {line.split(" ", 1)[1] for line in self.hosts}
        return {now.operator.public, now.head.public} <= keys and {
            host.public for host in now.hosts.values()
        } <= hosts


def rotate(folder: Path, cluster: Cluster, nodes: Nodes) -> None:
    """The order of the verb, on nodes that do what they are told."""
    rotation = load_rotation(folder) or begin_rotation(folder, NAMES)
    if rotation.phase == "beside":
        pin(folder, cluster, rotation, ensure_trust(folder, cluster))
        nodes.settle()
        rotation = switch_keys(folder, rotation)
    if rotation.phase == "switched":
        pin(folder, cluster, rotation, ensure_trust(folder, cluster))
        nodes.settle()
        rotation = withdraw_keys(folder, rotation)
    nodes.settle()
    end_rotation(folder)


def publics(folder: Path) -> dict[str, str]:
    return {name: found.public for name in NAMES if (found := load_pair(key_file(folder, name)))}


def test_whenever_it_is_interrupted_all_are_let_in_and_the_next_run_ends_it(
    tmp_path: Path,
) -> None:
    changes = 0
    while interrupted(tmp_path / str(changes), changes):
        changes += 1

    assert changes > 60


def interrupted(folder: Path, changes: int) -> bool:
    """Whether a rotation is interrupted by going down after so many changes to files."""
    cluster = pair()
    nodes = Nodes(folder, cluster)
    before = publics(folder)
    crashed = False

    try:
        with crash_after(changes):
            rotate(folder, cluster, nodes)
    except Crash:
        crashed = True
        assert nodes.take(), changes
        nodes.settle()  # as `up` does
        assert nodes.take(), changes
        rotate(folder, cluster, nodes)

    assert nodes.take()
    assert not set(before.values()) & set(publics(folder).values())
    files = {path.name for path in folder.rglob("*") if path.is_file()}
    assert files == {*NAMES, "known_hosts"}
    known = "".join(nodes.keys | nodes.hosts)
    assert [name for name, public in before.items() if public in known] == []
    return crashed


def test_a_private_key_that_was_half_written_does_not_stay(tmp_path: Path) -> None:
    ensure_trust(tmp_path, pair())
    part = tmp_path / "keys" / ".head.new.x1"
    part.write_text("half")

    begin_rotation(tmp_path, ("head",))
    end_rotation(tmp_path)

    assert not part.exists()


def test_what_is_left_of_a_beginning_means_nothing(tmp_path: Path) -> None:
    trust = ensure_trust(tmp_path, pair())
    begin_rotation(tmp_path, ("head",))
    rotation_file(tmp_path).unlink()

    assert load_trust(tmp_path, pair()) == trust
    assert load_rotation(tmp_path) is None


def test_beside_a_pair_is_the_one_that_it_is_not(tmp_path: Path) -> None:
    old = ensure_trust(tmp_path, pair()).head.public
    rotation = begin_rotation(tmp_path, ("head",))
    new = rotation.new["head"].public

    assert load_trust(tmp_path, pair()).beside == {"head": (new,)}
    assert load_trust(tmp_path, pair()).head.public == old

    rotation = switch_keys(tmp_path, rotation)
    assert load_trust(tmp_path, pair()).beside == {"head": (old,)}
    assert (load_trust(tmp_path, pair()).head.public, rotation.old["head"].public) == (new, old)

    rotation = withdraw_keys(tmp_path, rotation)
    assert load_trust(tmp_path, pair()).beside == {}
    assert rotation.old["head"].public == old


def test_a_record_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    ensure_trust(tmp_path, pair())
    rotation_file(tmp_path).write_text("{")

    with pytest.raises(ClusterkitError, match="cannot be read") as raised:
        load_rotation(tmp_path)
    assert "Fix: remove it" in str(raised.value)

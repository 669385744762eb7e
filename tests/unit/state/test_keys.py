from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from clusterkit.model.trust import PLANNED, planned_trust
from clusterkit.state.keys import (
    ensure_trust,
    known_hosts_file,
    load_trust,
    operator_key_file,
)
from tests.unit.pair import node, pair


def modes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder.parent)): f"{path.stat().st_mode & 0o777:o}"
        for path in sorted([folder, *folder.rglob("*")])
    }


def test_keys_are_made_once_for_this_user_only(tmp_path):
    folder = tmp_path / "home" / "clusters" / "pair"

    made = ensure_trust(folder, pair())

    assert ensure_trust(folder, pair()) == made == load_trust(folder, pair())
    assert modes(tmp_path / "home") == {
        "home": "700",
        "home/clusters": "700",
        "home/clusters/pair": "700",
        "home/clusters/pair/keys": "700",
        "home/clusters/pair/keys/head": "600",
        "home/clusters/pair/keys/host-node1": "600",
        "home/clusters/pair/keys/host-node2": "600",
        "home/clusters/pair/keys/operator": "600",
        "home/clusters/pair/known_hosts": "600",
    }
    pairs = [made.operator, made.head, *made.hosts.values()]
    assert len({pair.public for pair in pairs}) == 4


def test_before_they_are_made_there_are_none(tmp_path):
    assert load_trust(tmp_path, pair()) == planned_trust(pair())
    assert list(tmp_path.iterdir()) == []


def test_known_hosts_pins_every_node_by_name_and_address(tmp_path):
    trust = ensure_trust(tmp_path, pair())

    assert known_hosts_file(tmp_path).read_text() == (
        f"node1,192.168.123.111 {trust.hosts['node1'].public}\n"
        f"node2,192.168.123.112 {trust.hosts['node2'].public}\n"
    )


def test_a_node_that_joins_gets_a_key_and_the_others_keep_theirs(tmp_path):
    before = ensure_trust(tmp_path, pair())
    wider = pair(nodes=(node(1), node(2), node(3)))
    assert load_trust(tmp_path, wider) == replace(before, hosts={**before.hosts, "node3": PLANNED})

    after = ensure_trust(tmp_path, wider)

    assert (after.operator, after.head) == (before.operator, before.head)
    assert {name: after.hosts[name] for name in before.hosts} == before.hosts
    assert sorted(after.hosts) == ["node1", "node2", "node3"]


def encrypted() -> bytes:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, BestAvailableEncryption(b"x"))


def cut(key: bytes) -> bytes:
    return key[:100]


def other_type(key: bytes) -> bytes:
    """The name of the key's type in the public part, damaged."""
    head, text = key[:36], bytearray(key[36:])
    text[70] ^= 1
    return head + bytes(text)


@pytest.mark.parametrize(
    "damage",
    [cut, other_type, lambda _: b"", lambda _: b"\xff\x00", lambda _: encrypted()],
    ids=["cut", "other type", "empty", "no text", "with a passphrase"],
)
def test_a_damaged_key_is_replaced_and_the_others_stay(tmp_path, damage):
    before = ensure_trust(tmp_path, pair())
    file = tmp_path / "keys" / "head"
    file.write_bytes(damage(file.read_bytes()))
    assert load_trust(tmp_path, pair()) == replace(before, head=PLANNED)

    after = ensure_trust(tmp_path, pair())

    assert after.head != before.head
    assert (after.operator, after.hosts) == (before.operator, before.hosts)
    assert load_trust(tmp_path, pair()) == after


def test_no_damage_is_a_traceback(tmp_path):
    ensure_trust(tmp_path, pair())
    file = operator_key_file(tmp_path)
    key = file.read_bytes()
    chance = random.Random(7)  # noqa: S311 - the same damage every time
    for _ in range(100):
        damaged = bytearray(key)
        damaged[chance.randrange(len(key))] = chance.randrange(256)
        file.write_bytes(damaged)
        load_trust(tmp_path, pair())


def test_a_key_that_others_can_read_is_taken_back(tmp_path):
    before = ensure_trust(tmp_path, pair())
    operator_key_file(tmp_path).chmod(0o644)

    assert ensure_trust(tmp_path, pair()) == before
    assert operator_key_file(tmp_path).stat().st_mode & 0o777 == 0o600


def test_ssh_reads_the_keys(tmp_path):
    trust = ensure_trust(tmp_path, pair())
    for name, pair_ in (("operator", trust.operator), ("host-node2", trust.hosts["node2"])):
        argv = ("ssh-keygen", "-y", "-P", "", "-f", str(tmp_path / "keys" / name))
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert (done.returncode, done.stdout.split()[:2]) == (0, pair_.public.split()), done.stderr


def test_ssh_finds_the_nodes_in_known_hosts(tmp_path):
    ensure_trust(tmp_path, pair())
    for name in ("node2", "192.168.123.112"):
        argv = ("ssh-keygen", "-F", name, "-f", str(known_hosts_file(tmp_path)))
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20)
        assert done.stdout.startswith(f"# Host {name} found: line 2"), done.stderr

"""What ``keys show`` says of a key, by the fingerprints that were seen on the nodes."""

from __future__ import annotations

import pytest

from clusterkit.errors import TransportError
from clusterkit.model.trust import KeyPair, fingerprint
from clusterkit.use_cases.key_rows import NOT_HERE, NodeKeys, Verdict, admitted, on_head

PAIR = KeyPair(b"", "ssh-ed25519 b3Vycw==")
OURS, OTHER = fingerprint(PAIR.public), fingerprint("ssh-ed25519 b3RoZXI=")
IN, OUT = NodeKeys(authorized=frozenset({OURS, OTHER})), NodeKeys(authorized=frozenset({OTHER}))
SILENT = TransportError("node2", "no answer. Fix: start it")


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ({"node1": IN, "node2": IN}, Verdict("same")),
        ({"node1": OUT, "node2": OUT}, Verdict("differs", (), "not in authorized_keys of node2")),
        ({"node1": IN, "node2": SILENT}, Verdict("unknown", (), "node2: no answer.")),
        (
            {"node1": SILENT, "node2": OUT},
            Verdict("differs", (), "not in authorized_keys of node2"),
        ),
    ],
)
def test_whom_the_second_node_lets_in(seen: dict[str, NodeKeys], verdict: Verdict):
    """The first is the head here, which need not let itself in, and must answer."""
    assert admitted(PAIR, ["node2"], seen) == verdict


def test_a_key_that_is_not_here_lets_nobody_in():
    assert admitted(None, ["node2"], {"node2": IN}) == NOT_HERE


@pytest.mark.parametrize(
    ("there", "verdict"),
    [
        ({OURS}, None),
        (set(), Verdict("missing", (), "the head has no key. Fix: `clusterkit up INVENTORY`")),
        ({OTHER}, Verdict("differs", (OTHER,), "the head has another key")),
    ],
)
def test_the_key_on_the_head(there: set[str], verdict: Verdict | None):
    assert on_head(PAIR, NodeKeys(head=frozenset(there)), frozenset()) == verdict


def test_the_other_key_of_a_rotation_counts():
    there = NodeKeys(head=frozenset({OTHER}))

    assert on_head(PAIR, there, frozenset({OTHER})) == Verdict("rotating", (OTHER,))

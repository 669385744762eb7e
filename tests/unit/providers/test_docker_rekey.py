from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.command import Put, Result
from clusterkit.model.rotation import Rotation
from clusterkit.model.trust import HEAD, OPERATOR, key_names
from clusterkit.providers.docker.host_key import HostKey
from clusterkit.providers.docker.rekey import rekey
from clusterkit.tasks.files import Files
from clusterkit.tasks.logins import Logins
from tests.unit.pair import key, pair, trust

CLUSTER = pair()
NAMES = key_names(CLUSTER)
HOME = "/var/lib/clusterkit"


def rotation(phase, names=NAMES):
    new = {name: key(f"new-{name}") for name in names}
    old = {name: key(f"old-{name}") for name in names}
    return Rotation(names, phase, "now", "/state", new, old)


def told(phase, names=NAMES):
    """Stage -> what each of its tasks is about."""
    return {
        stage.name: [_about(task) for task in stage.tasks]
        for stage in rekey(CLUSTER, trust(CLUSTER), rotation(phase, names))
    }


def _about(task):
    match task:
        case Files():
            put = [f"+{file.path.removeprefix(HOME)}" for file in task.files]
            return (task.node, *put, *(f"-{path.removeprefix(HOME)}" for path in task.absent))
        case Logins():
            known = task.known_hosts.removeprefix(HOME)
            nodes = len(task.targets)
            return (task.node, task.key_file.removeprefix(HOME), known, nodes, task.expected)
        case HostKey():
            return (task.node, "host key")


KNOW = [(node, "+/sshd/authorized_keys", "+/ssh/known_hosts") for node in ("node1", "node2")]
IN = (2, "lets it in")
PROOF = [
    ("localhost", "/state/keys/operator", "/state/known_hosts.new", *IN),
    ("node1", "/ssh/id_ed25519", "/ssh/known_hosts", *IN),
]


def test_new_keys_are_known_and_tried_before_they_are_used():
    assert told("beside") == {
        "beside": [*KNOW, ("node1", "+/ssh/id_ed25519.new")],
        "proof": [
            ("localhost", "/state/keys/operator.new", "/state/known_hosts", *IN),
            ("node1", "/ssh/id_ed25519.new", "/ssh/known_hosts", *IN),
        ],
    }


def test_new_keys_are_used_while_the_old_ones_count():
    head = ("node1", "+/ssh/id_ed25519.old", "+/ssh/id_ed25519", "-/ssh/id_ed25519.new")
    assert told("switched") == {
        "switch": [*KNOW, head, ("node1", "host key"), ("node2", "host key")],
        "proof": PROOF,
    }


def test_old_keys_are_forgotten_only_when_they_were_seen_refused():
    gone = ("-/ssh/id_ed25519.new", "-/ssh/id_ed25519.old")
    stages = told("withdrawn")

    assert list(stages) == ["withdraw", "refusal", "forget"]
    assert stages == {
        "withdraw": KNOW,
        "refusal": [
            *PROOF,
            (
                "localhost",
                "/state/keys/operator.revoked",
                "/state/known_hosts.new",
                2,
                "refuses it",
            ),
            ("node1", "/ssh/id_ed25519.old", "/ssh/known_hosts", 2, "refuses it"),
            (
                "localhost",
                "/state/keys/operator",
                "/state/known_hosts.revoked",
                2,
                "has another host key",
            ),
        ],
        "forget": [("node1", *gone), ("node2", *gone)],
    }


@pytest.mark.parametrize(
    ("names", "phase", "stage", "tasks"),
    [
        ((OPERATOR,), "switched", "switch", KNOW),
        ((HEAD,), "withdrawn", "refusal", 3),
        (("host-node2",), "switched", "switch", [*KNOW, ("node2", "host key")]),
    ],
)
def test_what_is_not_replaced_is_left_alone(names, phase, stage, tasks):
    found = told(phase, names)[stage]
    assert (len(found) if isinstance(tasks, int) else found) == tasks


def test_while_it_is_replaced_both_keys_count_in_an_order_that_does_not_change():
    both = replace(trust(CLUSTER), beside={"head": ("ssh-ed25519 a",)})
    other = replace(both, head=key("a"), beside={"head": ("ssh-ed25519 head",)})
    other = replace(other, head=replace(other.head, public="ssh-ed25519 a"))

    assert both.authorized_keys(CLUSTER) == other.authorized_keys(CLUSTER)
    assert both.authorized_keys(CLUSTER) == (
        "ssh-ed25519 operator clusterkit-pair-operator\n"
        "ssh-ed25519 a clusterkit-pair-head\n"
        "ssh-ed25519 head clusterkit-pair-head\n"
    )


TASK = HostKey(CLUSTER, trust(CLUSTER), CLUSTER.nodes[0])
PATH = f"{HOME}/sshd/host_key"
FILE = Put(PATH, key("host-node1").private, 0o600)
RIGHT = f"600 {PATH}\n{FILE.sha256}  {PATH}\n"
OFFERS = "offers ssh-ed25519 host-node1\n"


@pytest.mark.parametrize(
    ("said", "steps"),
    [
        (RIGHT + OFFERS, []),
        (RIGHT + "offers ssh-ed25519 other\n", ["let sshd read its files again"]),
        (RIGHT, ["let sshd read its files again"]),
        (OFFERS.replace("host-node1", "old"), [f"create {PATH}", "let sshd read its files again"]),
        (RIGHT.replace(FILE.sha256, "0" * 64) + OFFERS, [f"rewrite {PATH}"]),
    ],
)
def test_sshd_reads_its_files_again_where_it_offers_another_key(said, steps):
    change = TASK.plan(Result("node1", TASK.probe(), 0, said))
    assert [step.summary for step in change.steps] == steps

from __future__ import annotations

import pytest

from clusterkit.command import Result
from clusterkit.errors import ClusterkitError
from clusterkit.tasks.base import Change
from clusterkit.tasks.logins import Logins, Target

TARGETS = (Target("node1", "root", "10.0.0.1"), Target("node2", "me", "10.0.0.2", 2222))
REFUSED = "node2 255 me@10.0.0.2: Permission denied (publickey).\n"


def logins(expected="lets it in"):
    return Logins("localhost", "the head key", "/k/head", "/k/known_hosts", TARGETS, expected)


def seen(stdout, exit_code=0, stderr=""):
    task = logins()
    return Result("localhost", task.probe(), exit_code, stdout, stderr)


def test_values_are_words():
    assert logins().probe().argv[3:] == (
        "sh",
        "/k/head",
        "/k/known_hosts",
        "node1 root@10.0.0.1 22",
        "node2 me@10.0.0.2 2222",
    )


@pytest.mark.parametrize(
    ("expected", "said"),
    [
        ("lets it in", "node2 0 \nnode1 0 \n"),
        ("refuses it", f"node1 255 root@10.0.0.1: Permission denied (publickey).\n{REFUSED}"),
        (
            "has another host key",
            "node1 255 Host key verification failed.\nnode2 255 Host key verification failed.\n",
        ),
    ],
)
def test_the_expected_answer_of_all_is_settled(expected, said):
    assert logins(expected).plan(seen(said)) == Change(f"the head key: each node {expected}")


@pytest.mark.parametrize(
    ("expected", "said", "told"),
    [
        ("lets it in", f"node1 0 \n{REFUSED}", ["node2: refuses it"]),
        ("lets it in", "node1 0 \n", ["node2: nothing was seen"]),
        (
            "lets it in",
            "node1 127 sh: 1: ssh: not found\nnode2 0 \n",
            ["node1: cannot be asked: there is no `ssh` here"],
        ),
        # Only an sshd that says no refuses: one that is away proves nothing.
        (
            "refuses it",
            f"{REFUSED}node1 255 ssh: connect to host 10.0.0.1 port 22: Connection refused\n",
            ["node1: ssh: connect to host 10.0.0.1 port 22: Connection refused"],
        ),
        (
            "refuses it",
            "node1 0 \nnode2 255 Host key verification failed.\n",
            ["node1: lets it in", "node2: has another host key"],
        ),
    ],
)
def test_another_answer_is_an_error_with_every_node(expected, said, told):
    with pytest.raises(ClusterkitError) as raised:
        logins(expected).plan(seen(said))

    lines = [f"{line}: the head key (asked from localhost)" for line in told]
    assert str(raised.value) == "\n".join(
        [
            *lines,
            f"expected: {expected}. Fix: see `clusterkit status`, then run the same command "
            "again: it goes on from here",
        ]
    )


def test_a_key_that_is_not_there_proves_nothing():
    with pytest.raises(ClusterkitError, match="/k/head cannot be read"):
        logins("refuses it").plan(seen("", 1, "/k/head cannot be read\n"))

"""sshd's files, and who may log in where."""

from __future__ import annotations

import hashlib

import pytest

from clusterkit.command import Command, DockerCall, Put, Result, Step
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.login import SshdAnswers, login_files, ssh_config
from clusterkit.providers.docker.sshd import sshd_files
from clusterkit.tasks.base import Change
from tests.unit.pair import node, trust
from tests.unit.providers.engine import (
    PAIR,
    box,
    created,
    planned,
    restarted,
    right,
)

FOLDER = "/var/lib/clusterkit/sshd"


def damaged(**changes) -> dict:
    """What is found when files of node1 differ; None: not there."""
    files = right(PAIR)["files"]
    for name, what in changes.items():
        files["pair-node1"][f"{FOLDER}/{name}"] = what
    files["pair-node1"] = {path: what for path, what in files["pair-node1"].items() if what}
    return files


def put(name: str, what: str) -> Step:
    (file,) = [
        file for file in sshd_files(PAIR, trust(PAIR), node(1)) if file.path == f"{FOLDER}/{name}"
    ]
    return Step("node1", f"{what}", DockerCall("put", "pair-node1", files=(file,)))


@pytest.mark.parametrize(
    ("found", "summary"),
    [
        (None, f"create {FOLDER}/host_key"),
        (["600", "0" * 64], f"rewrite {FOLDER}/host_key"),
        (
            ["644", trust(PAIR).hosts["node1"].private],
            f"change mode of {FOLDER}/host_key: 644 to 600",
        ),
    ],
)
def test_a_file_of_sshd_that_differs_is_put_and_the_container_restarted(found, summary):
    if found and isinstance(found[1], bytes):
        found = [found[0], hashlib.sha256(found[1]).hexdigest()]

    assert planned(files=damaged(host_key=found)) == (
        put("host_key", summary),
        restarted("node1", "sshd reads its files when it starts"),
    )


def test_a_stopped_container_gets_its_files_before_it_starts():
    boxes = [box(PAIR, node(1), state="exited"), box(PAIR, node(2))]

    assert planned(containers=boxes, files=damaged(authorized_keys=None)) == (
        put("authorized_keys", f"create {FOLDER}/authorized_keys"),
        Step(
            "node1",
            "start container pair-node1: it is exited",
            DockerCall("start", "pair-node1"),
        ),
    )


@pytest.mark.parametrize("nothing", [{}, None])
def test_a_container_without_the_folder_gets_all_files(nothing):
    files = right(PAIR)["files"] | {"pair-node1": nothing}

    assert planned(files=files) == (
        put("sshd_config", f"create {FOLDER}/sshd_config"),
        put("host_key", f"create {FOLDER}/host_key"),
        put("authorized_keys", f"create {FOLDER}/authorized_keys"),
        restarted("node1", "sshd reads its files when it starts"),
    )


def test_the_files_of_sshd():
    config, host_key, authorized = sshd_files(PAIR, trust(PAIR), node(2))

    assert config == Put(
        f"{FOLDER}/sshd_config",
        b"""\
# Made by clusterkit: keys only, on the cluster network only.
ListenAddress 192.168.123.112
HostKey /var/lib/clusterkit/sshd/host_key
AuthorizedKeysFile /var/lib/clusterkit/sshd/authorized_keys
AuthenticationMethods publickey
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes yes
UseDNS no
PidFile none
PrintMotd no
X11Forwarding no
# One connection carries all channels of a verb; many nodes may call the head at once.
MaxSessions 100
MaxStartups 200
""",
    )
    assert host_key == Put(f"{FOLDER}/host_key", b"private host-node2\n", 0o600)
    assert authorized == Put(
        f"{FOLDER}/authorized_keys",
        b"ssh-ed25519 operator clusterkit-pair-operator\nssh-ed25519 head clusterkit-pair-head\n",
        0o600,
    )


def test_sshd_that_answers_is_left_alone():
    task = SshdAnswers(PAIR, "node1")

    assert task.probe() == Command(("true",), timeout_s=10)
    assert task.plan(Result("node1", task.probe(), 0)) == Change("sshd answers")
    assert task.plan(None) == Change("sshd answers")


def test_sshd_that_does_not_answer_is_restarted_with_its_container():
    task = SshdAnswers(PAIR, "node1")

    change = task.plan(Result("node1", task.probe(), 255, stderr="node1: it refused. Fix: wait\n"))

    assert change == Change(
        "restart",
        (restarted("node1", "nobody can log in: it refused"),),
        settles_s=10.0,
    )
    assert task.needs_answer is False


@pytest.mark.parametrize("addresses", [{}, {"clusterkit-pair": "192.168.123.99"}])
def test_a_container_that_is_not_in_its_place_on_the_network_is_recreated(addresses):
    first, second = PAIR.nodes
    found = [box(PAIR, first, addresses=addresses), box(PAIR, second)]

    steps = planned(containers=found)

    why = f"is not at {first.address} on network clusterkit-pair"
    remove = DockerCall("remove", "pair-node1")
    summary = f"remove container pair-node1: {why}"
    assert steps == (Step("node1", summary, remove, "-"), *created(PAIR, first))


def test_the_private_key_lies_on_the_head_only_and_is_removed_elsewhere():
    everywhere = (
        Put("/var/lib/clusterkit/ssh/config", ssh_config(PAIR).encode()),
        Put(
            "/var/lib/clusterkit/ssh/known_hosts",
            b"node1,192.168.123.111 ssh-ed25519 host-node1\n"
            b"node2,192.168.123.112 ssh-ed25519 host-node2\n",
        ),
        Put(
            "/etc/ssh/ssh_config.d/clusterkit.conf",
            b"Include /var/lib/clusterkit/ssh/config\n",
        ),
        Put("/var/lib/clusterkit/hostfile", b"node1 slots=2\nnode2 slots=2\n"),
    )
    head, other = (login_files(PAIR, trust(PAIR), one) for one in PAIR.nodes)
    key = "/var/lib/clusterkit/ssh/id_ed25519"

    assert (head.node, head.files, head.absent) == (
        "node1",
        (*everywhere, Put(key, b"private head\n", 0o600)),
        (),
    )
    assert (other.node, other.files, other.absent) == ("node2", everywhere, (key,))


def test_the_ssh_config_of_the_nodes():
    assert (
        ssh_config(PAIR)
        == """\
Host node1
  HostName 192.168.123.111
Host node2
  HostName 192.168.123.112
Host *
  User root
  IdentityFile /var/lib/clusterkit/ssh/id_ed25519
  IdentitiesOnly yes
  UserKnownHostsFile /var/lib/clusterkit/ssh/known_hosts
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PasswordAuthentication no
  BatchMode yes
  ConnectTimeout 10
  # The post-quantum exchange costs several times the CPU; the network is the cluster's own.
  KexAlgorithms curve25519-sha256
"""
    )


def test_private_keys_are_not_in_what_is_printed():
    secrets = [pair.private.decode().strip() for pair in trust(PAIR).hosts.values()]
    printed = repr(trust(PAIR)) + repr(Containers(PAIR, trust(PAIR)).plan(None))

    assert not [secret for secret in secrets if secret in printed]

"""sshd's files, and who may log in where."""

from __future__ import annotations

import pytest

from clusterkit.command import DockerCall, Put, Result, Step
from clusterkit.providers.docker.containers import Containers
from clusterkit.providers.docker.host_key import read_again
from clusterkit.providers.docker.login import SshdFiles, login_files, ssh_config
from clusterkit.providers.docker.sshd import sshd_files
from clusterkit.tasks.base import Change
from tests.unit.pair import node, trust
from tests.unit.providers.engine import (
    PAIR,
    box,
    created,
    planned,
    restarted,
)

FOLDER = "/var/lib/clusterkit/sshd"


TASK = SshdFiles(PAIR, trust(PAIR), node(1))
FILES = sshd_files(PAIR, trust(PAIR), node(1))


def seen(**changes) -> Result:
    """What the look at sshd's files tells; a change is a mode and digest, or None: not there."""
    lines = []
    for file in FILES:
        name = file.path.rpartition("/")[2]
        what = changes.get(name, (f"{file.mode:o}", file.sha256))
        lines += [f"{what[0]} {file.path}", f"{what[1]}  {file.path}"] if what else []
    return Result("node1", TASK.probe(), 0, "\n".join(lines))


def mended(summary: str, files, why: str) -> Change:
    put = Step("node1", summary, DockerCall("put", "pair-node1", files=files))
    return Change("mend sshd", (put, restarted("node1", why)), settles_s=10.0)


def test_sshd_that_answers_and_has_its_files_is_left_alone():
    assert TASK.plan(seen()) == Change("sshd answers, and has its files")
    assert TASK.plan(None) == Change("comes with the container")


@pytest.mark.parametrize(
    ("found", "summary"),
    [
        (None, f"create {FOLDER}/sshd_config"),
        (("644", "0" * 64), f"rewrite {FOLDER}/sshd_config"),
        (("600", FILES[0].sha256), f"change mode of {FOLDER}/sshd_config: 600 to 644"),
    ],
)
def test_where_sshds_configuration_differs_it_is_put_and_the_container_restarted(found, summary):
    why = "sshd reads its files when it starts"

    assert TASK.plan(seen(sshd_config=found)) == mended(summary, (FILES[0],), why)


def test_sshd_reads_its_keys_again_while_all_goes_on():
    found = ("600", "0" * 64)
    host = Step("node1", f"rewrite {FOLDER}/host_key", FILES[1])
    who = Step("node1", f"rewrite {FOLDER}/authorized_keys", FILES[2])
    again = read_again(PAIR, "node1")

    assert TASK.plan(seen(host_key=found)) == Change("keys of sshd", (host, again))
    assert TASK.plan(seen(authorized_keys=found)) == Change("who may log in", (who,))
    both = TASK.plan(seen(host_key=found, authorized_keys=found))
    assert both == Change("keys of sshd", (host, who, again))


def test_where_nobody_can_log_in_all_files_are_put_and_the_container_restarted():
    silent = Result("node1", TASK.probe(), 255, stderr="node1: it refused. Fix: wait\n")

    change = TASK.plan(silent)

    why = "nobody can log in: it refused"
    assert change == mended("put all files of sshd", FILES, why)
    assert TASK.needs_answer is False


def test_a_container_that_does_not_run_is_started():
    boxes = [box(PAIR, node(1), state="exited"), box(PAIR, node(2), state="paused")]

    start = DockerCall("start", "pair-node1")
    assert planned(containers=boxes) == (
        Step("node1", "start container pair-node1: it is exited", start),
        restarted("node2", "it is paused"),
    )


def test_the_files_of_sshd():
    config, host_key, authorized = sshd_files(PAIR, trust(PAIR), node(2))

    assert config == Put(
        f"{FOLDER}/sshd_config",
        b"""\
# Made by clusterkit: keys only, on the cluster network only.
Include /var/lib/clusterkit/sshd/environment.conf
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
# What runs for somebody who is gone from the network ends, as TCP alone would have it for hours.
ClientAliveInterval 5
ClientAliveCountMax 3
""",
    )
    assert host_key == Put(f"{FOLDER}/host_key", b"private host-node2\n", 0o600)
    assert authorized == Put(
        f"{FOLDER}/authorized_keys",
        b"ssh-ed25519 operator clusterkit-pair-operator\nssh-ed25519 head clusterkit-pair-head\n",
        0o600,
    )


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
  IdentityFile "/var/lib/clusterkit/ssh/id_ed25519"
  IdentitiesOnly yes
  UserKnownHostsFile "/var/lib/clusterkit/ssh/known_hosts"
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  PasswordAuthentication no
  BatchMode yes
  ConnectTimeout 8
  # The post-quantum exchange costs several times the CPU; the network is the cluster's own.
  KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256
  User root
"""
    )


def test_private_keys_are_not_in_what_is_printed():
    secrets = [pair.private.decode().strip() for pair in trust(PAIR).hosts.values()]
    printed = repr(trust(PAIR)) + repr(Containers(PAIR, trust(PAIR)).plan(None))

    assert not [secret for secret in secrets if secret in printed]

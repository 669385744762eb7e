"""Who may log in where: keys only, host keys verified, private halves in one place."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import paramiko
import pytest

from tests.e2e.pair import Pair

CANARY = "canary-0c5e71"
PARTS = {
    "nodes": {"node[1-2]": {"slots": 2, "container": {"env": {"HF_TOKEN": CANARY}}}},
}
"""What the fixture ``pair`` is described with: a secret in the environment of its nodes."""


def private_keys(pair: Pair) -> list[Path]:
    return sorted((pair.controller.home / "clusters" / pair.name / "keys").iterdir())


def test_a_password_does_not_let_anybody_in(pair: Pair):
    transport = paramiko.Transport((pair.address(2), 22))
    try:
        transport.start_client(timeout=30)
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            transport.auth_password("root", "root")
    finally:
        transport.close()

    assert refused.value.allowed_types == ["publickey"]


def test_another_host_key_is_refused_and_up_does_not_hide_it(pair: Pair):
    known_hosts = pair.controller.home / "clusters" / pair.name / "known_hosts"
    right = known_hosts.read_text()
    node1, node2 = (line.split(" ", 1)[1] for line in right.splitlines())
    known_hosts.write_text(right.replace(node2, node1))
    try:
        done = pair("exec", "node2", "--", "true")
        real = pair("ssh", "node2", "--", "true")
    finally:
        known_hosts.write_text(right)

    assert done.returncode == 4
    assert re.fullmatch(
        f"--- node2 the host key of {pair.address(2)}:22 has changed: "
        f"{known_hosts} has ssh-ed25519 SHA256:[^ ]+, the machine offers ssh-ed25519 "
        "SHA256:[^ ]+. Fix: see whether `clusterkit up INVENTORY` puts the cluster's keys back; "
        "if not, somebody else answers in its place\n",
        done.stdout,
    )
    assert (real.returncode, "Host key verification failed." in real.stderr) == (255, True)


def test_private_keys_lie_where_they_are_used_and_nowhere_else(pair: Pair):
    find = 'grep -rlI "PRIVATE KEY" /etc /root /var/lib/clusterkit /home /tmp /run /shared'
    found = {
        node: pair.inside(node, "sh", "-c", f"{find} 2>/dev/null; true").split()
        for node in ("node1", "node2")
    }
    image = pair.engine.containers.run(
        pair.image,
        ["sh", "-c", f"{find} 2>/dev/null; ls /etc/ssh/ssh_host_* 2>/dev/null; true"],
        remove=True,
        network_mode="none",
    )

    host, head = f"{pair.home}/sshd/host_key", f"{pair.home}/ssh/id_ed25519"
    assert {node: sorted(files) for node, files in found.items()} == {
        "node1": [head, host],
        "node2": [host],
    }
    assert image == b""
    modes = pair.inside(
        "node1", "stat", "-c", "%a", host, head, f"{pair.home}/sshd/authorized_keys"
    )
    assert modes.split() == ["600", "600", "600"]


def test_the_state_is_for_its_user_only(pair: Pair):
    """A key that was opened to others is theirs no longer after the next `up`."""
    folder = pair.controller.home / "clusters" / pair.name
    (folder / "keys" / "operator").chmod(0o644)
    pair.up()

    modes = {
        str(path.relative_to(folder)): f"{path.stat().st_mode & 0o777:o}"
        for path in (folder, folder / "keys", *private_keys(pair), folder / "applied.json")
    }

    names = ("head", "host-node1", "host-node2", "operator")
    assert modes == {".": "700", "keys": "700", "applied.json": "600"} | {
        f"keys/{name}": "600" for name in names
    }


def test_no_key_is_in_what_the_engine_or_ps_shows(pair: Pair):
    secrets = [key.read_text().splitlines()[3] for key in private_keys(pair)]
    shown = json.dumps([pair.container(node).attrs for node in ("node1", "node2")])
    shown += subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    shown += "".join(pair.inside(node, "ps", "-eo", "args") for node in ("node1", "node2"))

    assert len(secrets) == 4
    assert [secret for secret in secrets if secret in shown] == []


def test_a_secret_of_the_environment_is_shown_nowhere_else(pair: Pair):
    pair.container("node2").stop(timeout=0)
    outputs = [
        pair(*words)
        for words in (
            ("plan", pair.file),
            ("up", pair.file, "--yes", "-o", "json"),
            ("up", pair.file, "--yes", "--dry-run"),
            ("up", pair.file, "--yes", "--dry-run", "-o", "json"),
            ("check", pair.file),
            ("status", "-o", "wide"),
            ("mpi-hello", "-o", "json"),
            ("jobs",),
            ("logs",),
        )
    ]
    labels = json.dumps([pair.container(node).labels for node in ("node1", "node2")])
    logs = [pair.container(node).logs() for node in ("node1", "node2")]
    find = f"grep -rlI {CANARY} /var/lib/clusterkit /etc /tmp /shared /root; true"

    assert [done.returncode for done in outputs] == len(outputs) * [0]
    assert [done.args[3:] for done in outputs if CANARY in done.stdout + done.stderr] == []
    assert CANARY not in labels
    assert [CANARY.encode() in log for log in logs] == [False, False]
    # sshd gives it to every login, so its configuration has it, for root only.
    configs = [f"{pair.home}/sshd/{name}" for name in ("environment.conf", "sshd_config")]
    for node in ("node1", "node2"):
        assert sorted(pair.inside(node, "sh", "-c", find).split()) == configs
        assert pair.inside(node, "stat", "-c", "%a", *configs) == "600\n600\n"
    files = [path for path in pair.controller.home.rglob("*") if path.is_file()]
    assert [path.name for path in files if CANARY.encode() in path.read_bytes()] == []

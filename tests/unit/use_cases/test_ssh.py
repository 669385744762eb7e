from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.cluster import Node
from clusterkit.use_cases.session import Session
from clusterkit.use_cases.ssh import ssh_argv
from tests.unit.pair import pair

LOGIN = (
    "ssh",
    "-F",
    "none",
    "-o",
    'IdentityFile="/state/pair/keys/operator"',
    "-o",
    "IdentitiesOnly=yes",
    "-o",
    'UserKnownHostsFile="/state/pair/known_hosts"',
    "-o",
    "GlobalKnownHostsFile=none",
    "-o",
    "StrictHostKeyChecking=yes",
    "root@192.168.123.112",
)


def test_a_person_logs_in_with_the_keys_of_the_cluster_and_nothing_else():
    assert ssh_argv(Session(pair(), Path("/state/pair")), "node2", ()) == LOGIN


def test_a_command_there_arrives_word_for_word():
    argv = ssh_argv(Session(pair(), Path("/state/pair")), "node2", ("echo", "it's", "$x"))

    assert argv == (*LOGIN, """echo 'it'"'"'s' '$x'""")


def test_on_this_machine_it_is_a_shell(monkeypatch):
    here = Session(pair(provider="local", nodes=(Node("localhost", 1),)), Path("/state"))
    monkeypatch.setenv("SHELL", "/bin/zsh")

    assert ssh_argv(here, "localhost", ()) == ("/bin/zsh",)
    assert ssh_argv(here, "localhost", ("echo", "a b")) == ("echo", "a b")


def test_one_logs_in_to_one_node():
    with pytest.raises(UsageError) as caught:
        ssh_argv(Session(pair(), Path("/state")), "node[1-2]", ())

    assert str(caught.value) == "`node[1-2]` means 2 nodes. Fix: name one"


@pytest.mark.parametrize("name", ["Application Support", "100%h", "%d ü"])
def test_ssh_takes_any_folder_literally(tmp_path, name):
    folder = tmp_path / name
    ssh, *words = ssh_argv(Session(pair(), folder), "node1", ())

    done = subprocess.run((ssh, "-G", *words), capture_output=True, text=True, timeout=20)

    settings = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert settings["userknownhostsfile"] == f"{folder}/known_hosts"
    # ssh -G shows this one before it expands `%`.
    assert settings["identityfile"].replace("%%", "%") == f"{folder}/keys/operator"

"""How a person logs in to machines: with their own access, and what ssh itself makes of it."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from clusterkit.model.machine import Machine
from clusterkit.use_cases.session import Session
from clusterkit.use_cases.ssh import ssh_argv
from tests.unit.providers.machines import carried, lab, machine

STATE = Path("/state/lab")
STRICT = "StrictHostKeyChecking=yes"
END = (STRICT, "ConnectTimeout=8")
PINS = 'GlobalKnownHostsFile="/state/lab/pinned_hosts" /etc/ssh/ssh_known_hosts'


def options(*values: str) -> tuple[str, ...]:
    """The words of ssh's options."""
    return tuple(word for value in values for word in ("-o", value))


def session(given: Machine, folder: Path = STATE) -> Session:
    return Session(lab(nodes=(machine(1, machine=given), machine(2))), folder)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Machine("gpu01"), options(*END)),
        (
            Machine("gpu01", user="ada", port=2022, jump="me@gate:22,b", connect_timeout_s=0.2),
            options("User=ada", "Port=2022", "ProxyJump=me@gate:22,b", STRICT, "ConnectTimeout=1"),
        ),
        (
            Machine("gpu01", key_file="/home/ada/a b/100%"),
            options('IdentityFile="/home/ada/a b/100%%"', "IdentitiesOnly=yes", *END),
        ),
        (Machine("gpu01", trust="accept-new"), options(PINS, *END)),
        (
            Machine("gpu01", jump="me@gate:2222", trust="accept-new"),
            options(
                PINS,
                "ProxyCommand=ssh -W '[%h]:%p' "
                "-o 'GlobalKnownHostsFile=\"/state/lab/pinned_hosts\" /etc/ssh/ssh_known_hosts' "
                "-o StrictHostKeyChecking=yes -o ConnectTimeout=8 ssh://me@gate:2222",
                *END,
            ),
        ),
    ],
    ids=["as ~/.ssh/config says", "all of it", "a key file", "pinned", "pinned, behind another"],
)
def test_the_words_of_a_machine(given: Machine, words: tuple[str, ...]):
    assert ssh_argv(session(given), "gpu01", ()) == ("ssh", *words, "gpu01", "--")


def test_a_command_there_arrives_word_for_word():
    argv = ssh_argv(session(Machine("gpu01")), "gpu01", ("echo", "it's", "$x"))

    assert argv == ("ssh", *options(*END), "gpu01", "--", """echo 'it'"'"'s' '$x'""")


def test_a_container_is_reached_through_its_machine_with_the_clusters_key():
    assert ssh_argv(Session(carried(), STATE), "gpu02", ("hostname",)) == (
        "ssh",
        "-F",
        "none",
        *options(
            'IdentityFile="/state/lab/keys/operator"',
            "IdentitiesOnly=yes",
            'UserKnownHostsFile="/state/lab/known_hosts"',
            "GlobalKnownHostsFile=none",
            STRICT,
            "Port=2222",
            "ProxyCommand=ssh -W '[%h]:%p' -o StrictHostKeyChecking=yes -o ConnectTimeout=8 gpu02",
        ),
        "root@10.0.0.12",
        "hostname",
    )


def of_ssh(argv: tuple[str, ...]) -> dict[str, str]:
    """What ssh makes of a command line: the last of each setting."""
    done = subprocess.run(
        ("ssh", "-G", *argv[1:]), capture_output=True, text=True, timeout=20, check=True
    )
    return dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)


@pytest.mark.parametrize("name", ["state", "Application Support", "100%h", "%d ü"])
def test_ssh_reads_the_pins_of_every_hop_from_any_folder(tmp_path: Path, name: str):
    given = Machine("gpu01", jump="a@one:1,b@two:2", trust="accept-new")
    argv = ssh_argv(session(given, tmp_path / name), "gpu01", ())

    hops = []
    for _ in range(3):
        settings = of_ssh(tuple(word for word in argv if word != "--"))
        command = settings.get("proxycommand", "")
        hops.append((settings["hostname"], settings["user"], settings["port"]))
        files = settings["globalknownhostsfile"]
        assert files == f"{tmp_path / name}/pinned_hosts /etc/ssh/ssh_known_hosts"
        # As ssh does when it runs it: its own signs are filled in, and a doubled one is one.
        for sign, value in (("%h", "H"), ("%p", "P"), ("%%", "%")):
            command = command.replace("%%", "\0").replace(sign, value).replace("\0", "%%")
        argv = tuple(shlex.split(command.replace("%%", "%")))
        argv = tuple(word for word in argv if word not in ("-W", "[H]:P"))

    assert hops[1:] == [("two", "b", "2"), ("one", "a", "1")]
    assert argv == ()

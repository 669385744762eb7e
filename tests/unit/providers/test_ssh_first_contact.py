"""What a machine answers when it is met for the first time; this one is asked as well."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from clusterkit.command import Result
from clusterkit.errors import ClusterkitError, CommandFailed
from clusterkit.model.contact import Contact
from clusterkit.model.machine import Login
from clusterkit.providers.ssh.first_contact import ask, read
from tests.unit.tasks.shell import run

LOGIN = Login("ada", 22, ("ssh-ed25519 AAAA",))
# Two interfaces, a bridge of Docker's, the loopback, and what is only routed.
TRIE = """\
Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     +-- 10.0.0.0/24 2 0 2
        |-- 10.0.0.0
           /24 link UNICAST
        |-- 10.0.0.12
           /32 host LOCAL
        |-- 10.0.0.255
           /32 link BROADCAST
     +-- 127.0.0.0/8 2 0 2
        |-- 127.0.0.0
           /8 host LOCAL
        |-- 127.0.0.1
           /32 host LOCAL
     |-- 172.17.0.1
        /16 link UNICAST
        /32 host LOCAL
Local:
  +-- 0.0.0.0/0 3 0 5
        |-- 10.0.0.12
           /32 host LOCAL
        |-- 192.168.7.3
           /32 host LOCAL
"""


def answer(text: str, code: int = 0) -> Result:
    return Result("gpu02", ask(), code, stdout=text)


def test_what_it_tells():
    assert read(answer(f"/home/ada\n1001\nplain\n{TRIE}"), LOGIN) == Contact(
        "/home/ada", 1001, LOGIN, ("10.0.0.12", "172.17.0.1", "192.168.7.3")
    )


def test_this_machine_tells_what_ip_says():
    said = subprocess.run(["ip", "-4", "-j", "addr"], capture_output=True, check=True).stdout
    addresses = {
        address["local"]
        for interface in json.loads(said)
        for address in interface.get("addr_info", [])
        if address["family"] == "inet" and not address["local"].startswith("127.")
    }

    found = read(run(ask()), LOGIN)

    assert (found.home, found.uid) == (os.environ["HOME"], os.getuid())
    assert set(found.addresses) == addresses
    assert len(found.addresses) == len(addresses)


@pytest.mark.parametrize(
    "text",
    ["Welcome to gpu02!\n/home/ada\n1001\nplain\n", "", "/home/ada\nada\nplain\n", "/home\n0\n\n"],
)
def test_a_shell_that_says_something_else_is_told(text: str):
    with pytest.raises(ClusterkitError) as caught:
        read(answer(text), LOGIN)

    first = text.strip().partition("\n")[0]
    assert str(caught.value) == (
        f"gpu02: its shell answers with something else than was asked: `{first}`. "
        "Fix: have the shell's startup files print nothing when there is no terminal"
    )


def test_a_machine_without_proc_is_an_error():
    with pytest.raises(CommandFailed):
        read(answer("/home/ada\n1001\nplain\n", 1), LOGIN)

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.model.imported.found import Found, Remarks
from clusterkit.model.imported.ssh_config import jump_of_command, read_ssh_config
from clusterkit.model.source import read_text
from clusterkit.transports.ssh_config import look_up
from tests.unit.model.imported.reading import mistakes, rows

CONFIG = """\
Include inc/*.conf
Host gpu1 gpu2
  HostName %h.example.net   # the lab's
  User me
  IdentityFile ~/.ssh/lab
  IdentityFile ~/.ssh/other
  ProxyJump bastion
  ServerAliveInterval 5
Host bastion
  HostName=203.0.113.9
  User ops
  Port 2022
Match host gpu* exec "touch PWNED"
  User evil
Host !gpu1 *
  ServerAliveInterval 9
  Port 2200
Host old
  ProxyCommand ssh -q -W %h:%p ops@gate
Host new
  ProxyCommand /usr/bin/nc -X connect %h %p
  StrictHostKeyChecking no
Host *
  CanonicalizeHostname yes
  IdentityFile "/k/a b"
"""


def read(folder: Path, text: str) -> tuple[Found, Remarks]:
    remarks = Remarks()
    (folder / "config").write_text(text)
    return read_ssh_config(str(folder / "config"), text, remarks, look_up, read_text), remarks


def test_a_configuration(tmp_path: Path):
    (tmp_path / "inc").mkdir()
    (tmp_path / "inc" / "a.conf").write_text("Host inc1\n  HostName 10.2.2.2\n")

    found, remarks = read(tmp_path, CONFIG.replace("PWNED", str(tmp_path / "pwned")))

    lab = {"user": "me", "key_file": "~/.ssh/lab", "jump": "bastion"}
    assert rows(found) == [
        ("inc1", {"host": "10.2.2.2", "port": 2200, "key_file": "/k/a b"}),
        ("gpu1", {"host": "gpu1.example.net", **lab}),
        ("gpu2", {"host": "gpu2.example.net", "port": 2200, **lab}),
        ("old", {"port": 2200, "key_file": "/k/a b", "jump": "ops@gate"}),
        ("new", {"port": 2200, "key_file": "/k/a b"}),
    ]
    assert str(found.hosts[0].line) == f"{tmp_path}/inc/a.conf:1"
    assert not (tmp_path / "pwned").exists()
    assert mistakes(remarks) == []
    keep = "where it is needed, keep the Host in ~/.ssh/config and write its name as `host`"
    lost = "through which gpu{} is reached, are lost. Fix: keep `Host bastion` in ~/.ssh/config"
    file = tmp_path / "config"
    assert list(remarks.texts()) == [
        f"{file}:2: of 3 key files the first is taken, ~/.ssh/lab. "
        "Fix: write another `key_file`, or take it out: then ssh tries all",
        *(f"{file}:2: identityfile of bastion, {lost.format(n)}" for n in (1, 2)),
        f"{file}:8: ServerAliveInterval is not taken over (also line 16). Fix: {keep}",
        f"{file}:9: bastion is left out: others are reached through it. "
        "Fix: add it to `nodes` by hand, if it is to compute as well",
        f"{file}:13: `Match host gpu* exec touch {tmp_path}/pwned` and its settings are left out. "
        "Fix: ssh itself decides what it means: write what you need of it into the inventory",
        f"{file}:20: the ProxyCommand of new is not taken over. Fix: {keep}",
        f"{file}:22: StrictHostKeyChecking is not taken over. "
        "Fix: host keys are always verified: see `trust` of the inventory",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Host a\nMatch host a\n User evil\n",
        "Match originalhost a\n User evil\nHost a\n",
        "Host a\n ProxyJump none\n IdentityFile none\n ProxyCommand none\n",
        "Host a\n # User x\n",
    ],
)
def test_what_says_nothing_of_a_host(tmp_path: Path, text: str):
    assert rows(read(tmp_path, text)[0]) == [("a", {})]


def test_a_match_of_all_is_a_host_of_all(tmp_path: Path):
    found, remarks = read(tmp_path, "Host a\nMatch all\n User u\n")
    assert (rows(found), remarks.texts()) == ([("a", {"user": "u"})], ())


def test_a_jump_host_is_written_as_the_file_means_it(tmp_path: Path):
    text = "Host b\n HostName 10.0.0.1\n User u\n Port 22\nHost a\n ProxyJump me@b,c:23\n"
    assert rows(read(tmp_path, text)[0]) == [("a", {"jump": "me@10.0.0.1:22,c:23"})]


def test_an_include_within_a_host_holds_for_it_alone(tmp_path: Path):
    (tmp_path / "more").write_text("User u\nHost other\n  User o\n")

    found, _ = read(tmp_path, "Host a\n Include more\n Port 23\nHost b\n")

    assert rows(found) == [("a", {"user": "u", "port": 23}), ("other", {"user": "o"}), ("b", {})]


@pytest.mark.parametrize("value", ["$(touch x)", "a; rm -rf b", "`id`", "o'neil", "ünï"])
def test_values_are_data(tmp_path: Path, value: str):
    found, _ = read(tmp_path, f'Host a\n IdentityFile "/{value}"\n')
    assert rows(found) == [("a", {"key_file": f"/{value}"})]


def test_files_beside_stdin_are_not_read():
    remarks = Remarks()
    found = read_ssh_config("stdin", "Include *\nHost a\n", remarks, look_up, None)

    assert rows(found) == [("a", {})]
    assert remarks.texts() == (
        "stdin:1: the files of Include * are not read. "
        "Fix: import the file itself, not its text from stdin",
    )


def test_every_mistake_is_told(tmp_path: Path):
    (tmp_path / "round").write_text("Include round\n")

    _, remarks = read(tmp_path, 'Host a\n Port\n User "x\nInclude round\n')

    file = tmp_path / "config"
    fix = "Fix: write `Keyword value`, and close every quote"
    assert mistakes(remarks) == [
        f"{file}:2: `Port` is no setting. {fix}",
        f'{file}:3: `User "x` is no setting. {fix}',
        f"{tmp_path}/round:1: files include one another without end. Fix: take one out",
    ]


def test_a_port_that_is_none(tmp_path: Path):
    _, remarks = read(tmp_path, "Host a\n Port ssh\n")
    assert mistakes(remarks) == [
        f"{tmp_path}/config:1: Port: `ssh` is no number from 1 to 65535. Fix: correct Port"
    ]


@pytest.mark.parametrize("pattern", ["**x", "~nobody-has-this-name/x"])
def test_an_include_that_names_nothing(tmp_path: Path, pattern: str):
    _, remarks = read(tmp_path, f"Include {pattern}\nHost a\n")
    assert mistakes(remarks) == [
        f"{tmp_path}/config:1: `{pattern}` names no files. "
        "Fix: write paths, with `*` within a name at most"
    ]


@pytest.mark.parametrize(
    ("command", "jump"),
    [
        ("ssh -W %h:%p gate", "gate"),
        ("ssh -q -W %h:%p -p 2222 me@gate", "me@gate:2222"),
        ("ssh me@gate -W %h:%p", "me@gate"),
        ("ssh -i key -W %h:%p gate", None),
        ("ssh gate nc %h %p", None),
        ("nc %h %p", None),
        ("sshpass -p x ssh -W %h:%p gate", None),
        ("ssh 'gate", None),
    ],
)
def test_commands_that_are_jumps(command: str, jump: str | None):
    assert jump_of_command(command) == jump

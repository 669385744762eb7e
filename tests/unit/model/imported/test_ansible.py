from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from clusterkit.model.imported.ansible import files_beside, is_yaml, read_ansible
from clusterkit.model.imported.ansible_access import read_arguments
from clusterkit.model.imported.ansible_tree import NotARange, expand_hosts
from clusterkit.model.imported.found import Found, Remarks
from clusterkit.model.source import read_text
from tests.unit.model.imported.reading import known, mistakes, rows

SAMPLES = Path(__file__).parent / "ansible"
JUMPS = {
    "-o ProxyJump=me@bastion.example.net:22 -o StrictHostKeyChecking=no": (
        "me@bastion.example.net:22"
    ),
    "-J jump@10.0.0.1": "jump@10.0.0.1",
}


def sample(name: str) -> tuple[Found, Remarks]:
    file, remarks = SAMPLES / name, Remarks()
    return read_ansible(name, file.read_text(), remarks, files_beside(file, read_text)), remarks


def read(text: str, name: str = "hosts") -> tuple[Found, Remarks]:
    remarks = Remarks()
    return read_ansible(name, text, remarks), remarks


def as_found(name: str, variables: dict[str, Any]) -> dict[str, Any]:
    """What we should find, from the variables that Ansible finds for a host."""
    port = variables.get("ansible_port")
    host = variables.get("ansible_host", variables.get("ansible_ssh_host"))
    key_file = variables.get("ansible_ssh_private_key_file")
    found = {
        "host": None if host == name else host,
        "user": variables.get("ansible_user", variables.get("ansible_ssh_user")),
        "port": None if port is None else int(port),
        "key_file": key_file or variables.get("ansible_private_key_file"),
        "jump": JUMPS.get(variables.get("ansible_ssh_common_args", "")),
    }
    return {key: value for key, value in found.items() if value is not None}


@pytest.mark.parametrize("name", ["hosts.ini", "hosts.yml"])
def test_hosts_and_groups_are_those_that_ansible_finds(name: str):
    """The .json files hold what ``ansible-inventory --list`` of ansible-core 2.19.14 says."""
    said = json.loads((SAMPLES / f"{name}.json").read_text())

    found, remarks = sample(name)

    assert mistakes(remarks) == []
    assert {group: sorted(members) for group, members in found.groups.items()} == said["groups"]
    assert {host.name: known(host) for host in found.hosts} == {
        host: as_found(host, variables) for host, variables in said["hosts"].items()
    }


def test_what_is_left_out_of_an_ini_is_told_without_secrets():
    _, remarks = sample("hosts.ini")

    assert [note.replace(f"{SAMPLES}/", "") for note in remarks.texts()] == [
        "group_vars/all.yml:2: the variable lab is not taken over. "
        "Fix: nothing, if only Ansible uses it",
        "group_vars/cpu.yml:3: ansible_become_pass is a secret, and left out. "
        "Fix: log in by key: clusterkit takes no passwords",
        "hosts.ini:7: the variable rack is not taken over. Fix: nothing, if only Ansible uses it",
        "hosts.ini:10: the variable weights is not taken over. "
        "Fix: nothing, if only Ansible uses it",
        "hosts.ini:17: -o StrictHostKeyChecking of ansible_ssh_common_args is not taken over. "
        "Fix: host keys are always verified: see `trust` of the inventory",
        "hosts.ini:18: ansible_password is a secret, and left out. "
        "Fix: log in by key: clusterkit takes no passwords",
        "hosts.ini:19: the variable ansible_python_interpreter is not taken over. "
        "Fix: nothing, if only Ansible uses it",
        "hosts.ini:27: ansible_become_password is a secret, and left out. "
        "Fix: log in by key: clusterkit takes no passwords",
    ]


def test_what_is_left_out_of_yaml_is_told_without_secrets():
    _, remarks = sample("hosts.yml")

    notes = [note.replace(f"{SAMPLES}/", "").partition(". Fix")[0] for note in remarks.texts()]
    assert notes == [
        "group_vars/all.yml:2: the variable lab is not taken over",
        "group_vars/cpu.yml:3: ansible_become_pass is a secret, and left out",
        "hosts.yml:13: ansible_password is a secret, and left out",
        "hosts.yml:28: group empty is empty",
    ]


@pytest.mark.parametrize(
    ("pattern", "names", "port"),
    [
        ("a", ["a"], None),
        ("a[08:10]", ["a08", "a09", "a10"], None),
        ("a[1:10:4].lan:2222", ["a1.lan", "a5.lan", "a9.lan"], 2222),
        ("[a:c]", ["a", "b", "c"], None),
        ("r[1:2]n[a:b]", ["r1na", "r1nb", "r2na", "r2nb"], None),
        ("fe80::1", ["fe80::1"], None),
        ("[fe80::1]:22", ["fe80::1"], 22),
        ("10.0.0.[1:2]", ["10.0.0.1", "10.0.0.2"], None),
    ],
)
def test_ranges(pattern: str, names: list[str], port: int | None):
    assert expand_hosts(pattern) == (tuple(names), port)


@pytest.mark.parametrize(
    "pattern",
    ["a[1-3]", "a[3:1]", "a[01:100]", "a[1:3:0]", "a[1:99999]", "a[a:3]", "a[1:200]b[1:200]"],
)
def test_ranges_that_are_none(pattern: str):
    with pytest.raises(NotARange):
        expand_hosts(pattern)


@pytest.mark.parametrize(
    ("text", "jump", "rest"),
    [
        ("", None, []),
        ("-J a -C", "a", ["-C"]),
        ("-Ja@b:2", "a@b:2", []),
        ("-o ProxyJump=a,b", "a,b", []),
        ("-oProxyJump=a", "a", []),
        ("-o 'ProxyJump a'", "a", []),
        ("""-o ProxyCommand="ssh -W %h:%p -q me@gate" """, "me@gate", []),
        (
            "-o ProxyCommand='sshpass -p secret ssh -W %h:%p gate' -i key",
            None,
            ["-o ProxyCommand", "-i"],
        ),
        ("-J {{ gate }}", None, ["-o ProxyJump"]),
        ("'", None, ["a quote"]),
    ],
)
def test_arguments_of_ssh(text: str, jump: str | None, rest: list[str]):
    assert read_arguments(text) == (jump, rest)


def test_hosts_that_are_not_reached_by_ssh():
    found, remarks = read("a ansible_connection=winrm\nb ansible_connection=local\nc\n")

    assert [name for name, _ in rows(found)] == ["b", "c"]
    assert remarks.texts() == (
        "hosts:1: a is left out: Ansible reaches it by winrm, not by ssh. "
        "Fix: add it by hand, if it has sshd",
        "hosts:2: b is reached by ssh here, and by Ansible as its own machine. "
        "Fix: let sshd run there, or take it out",
    )


def test_templates_and_vaults_are_left_out():
    text = 'a ansible_host="{{ ip }}" ansible_port=22\n[all:vars]\nansible_user={{ me }}\n'
    found, remarks = read(text)

    assert rows(found) == [("a", {"port": 22})]
    assert [note.partition(". Fix")[0] for note in remarks.texts()] == [
        "hosts:1: ansible_host is made by a template, `{{ ip }}`, and left out",
        "hosts:3: ansible_user is made by a template, `{{ me }}`, and left out",
    ]
    vault = "all: {hosts: {a: {ansible_host: !vault '$ANSIBLE_VAULT;1.1;AES256 31'}}}\n"
    found, remarks = read(vault, "h.yml")
    assert rows(found) == [("a", {})]
    assert remarks.texts() == (
        "h.yml:1: ansible_host is a secret, and left out. "
        "Fix: log in by key: clusterkit takes no passwords",
    )


def test_every_mistake_of_an_ini_is_told_without_what_may_be_secret():
    _, remarks = read(
        "a[1-2]\nb ansible_password=my secret\nc ansible_user='x\n[g:hosts]\nd\n[g]\n"
        "[g:children]\nmissing\ng\n[g:vars]\nhunter2\n[g:children\n"
    )

    assert mistakes(remarks) == [
        "hosts:1: `a[1-2]` has brackets that are no range such as [01:10] or [a:c]. "
        "Fix: write gpu[01:10] or db-[a:f]",
        "hosts:2: there is a word that is no variable. "
        "Fix: write `host name=value`, with quotes around spaces",
        "hosts:3: a quote is not closed. Fix: close it",
        "hosts:4: `[g:hosts]` is no section. "
        "Fix: write `[group]`, `[group:vars]` or `[group:children]`",
        "hosts:11: the line is no variable. Fix: write name=value",
        "hosts:12: the line is no variable. Fix: write name=value",
        "hosts:8: there is no group missing. Fix: write a section [missing], or take the line out",
        "hosts:6: group g is within itself. Fix: take it out of its children",
    ]


def test_every_mistake_of_yaml_is_told():
    text = """\
all:
  hosts: [a, b]
  nodes: {}
  children:
    g:
      hosts: {"x[1-2]": }
      hosts: {y: 7}
"""
    _, remarks = read(text, "h.yml")

    fix = "Fix: write each name with a colon behind it: `gpu1:`"
    assert sorted(mistakes(remarks)) == [
        f"h.yml:2: `hosts` must be a mapping, not a list. {fix}",
        "h.yml:3: group all has the unknown key `nodes`. Fix: use hosts, vars, children",
        "h.yml:6: `x[1-2]` has brackets that are no range such as [01:10] or [a:c]. "
        "Fix: write gpu[01:10] or db-[a:f]",
        "h.yml:7: all.children.g.hosts: is already on line 6. Fix: join the two, or take one out",
    ]


def test_a_plug_in_is_asked_by_ansible():
    _, remarks = read("plugin: amazon.aws.aws_ec2\nregions: [x]\n", "aws.yml")
    assert mistakes(remarks) == [
        "aws.yml:1: this is the configuration of an inventory plug-in, and names no hosts itself. "
        "Fix: let Ansible ask it: `ansible-inventory -i FILE --list --yaml | "
        "clusterkit import --from ansible -`"
    ]


@pytest.mark.parametrize(
    ("name", "text", "answer"),
    [
        ("hosts", "[gpu]\na\n", False),
        ("hosts", "# x\n\n---\nall:\n", True),
        ("hosts", "all:\n  hosts:\n", True),
        ("hosts.json", '{"all": {}}', True),
        ("hosts", "a ansible_host=b\n", False),
        ("hosts", "", False),
    ],
)
def test_which_form_it_has(name: str, text: str, answer: bool):
    assert is_yaml(name, text) is answer

"""What Ansible's variables say of how a host is reached; the others, and secrets, are named."""

from __future__ import annotations

import re
import shlex

from clusterkit.model.base import HIGHEST_PORT
from clusterkit.model.imported.ansible_tree import Variables
from clusterkit.model.imported.found import FoundHost, Line, Remarks, whole_number
from clusterkit.model.imported.ssh_config import TRUST, TRUST_FIX, jump_of_command
from clusterkit.model.ssh_nodes import Access

_NAMES = {
    "host": ("ansible_host", "ansible_ssh_host"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "key_file": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
}
_ARGUMENTS = ("ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args")
_BY_SSH = ("ssh", "smart", "paramiko", "paramiko_ssh", "ansible.builtin.ssh", "local")
_TAKEN = (
    *(name for names in _NAMES.values() for name in names),
    *_ARGUMENTS,
    "ansible_connection",
    "ansible_group_priority",
)
_SECRET = re.compile(
    r"pass(w|word|wd|phrase|code)?$|pass(word|phrase)|secret|token|_pwd|api_?key|credential", re.I
)


def found_host(name: str, line: Line, variables: Variables, remarks: Remarks) -> FoundHost | None:
    """The machine; None, and a note, where it is not reached by ssh."""
    connection = variables.get("ansible_connection")
    if connection and connection.value not in _BY_SSH:
        what = f"{name} is left out: Ansible reaches it by {connection.value}, not by ssh"
        remarks.note(connection.line, what, "add it by hand, if it has sshd")
        return None
    if connection and connection.value == "local":
        what = f"{name} is reached by ssh here, and by Ansible as its own machine"
        remarks.note(connection.line, what, "let sshd run there, or take it out")
    variables = _without_rest(variables, remarks)
    host, user, port, key_file = (_text(variables, key, remarks) for key in _NAMES)
    return FoundHost(
        name,
        line,
        host=None if host in (None, name) else host,
        access=Access(
            user=user,
            port=_port(port, variables, remarks),
            key_file=key_file,
            jump=_jump(variables, remarks),
        ),
    )


def _text(variables: Variables, key: str, remarks: Remarks) -> str | None:
    """A variable as text; the first of its names that is there."""
    for name in _NAMES[key]:
        found = variables.get(name)
        if found is None or found.value in (None, ""):
            continue
        text = str(found.value)
        if _is_template(text):
            what = f"{name} is made by a template, `{text}`, and left out"
            fix = "write what it means into the inventory, or import what "
            remarks.note(found.line, what, fix + "`ansible-inventory --list --yaml` prints")
            return None
        return text
    return None


def _port(text: str | None, variables: Variables, remarks: Remarks) -> int | None:
    if text is None:
        return None
    line = next(variables[name].line for name in _NAMES["port"] if name in variables)
    return whole_number(text, "ansible_port", line, remarks, most=HIGHEST_PORT)


def _jump(variables: Variables, remarks: Remarks) -> str | None:
    """The jump host of ssh's arguments; all else in them is named."""
    jump = None
    for name in _ARGUMENTS:
        found = variables.get(name)
        if found is None or not isinstance(found.value, str):
            continue
        given, rest = read_arguments(found.value)
        jump = given or jump
        for option in rest:  # by name only: a value may be a secret
            trust = option.removeprefix("-o ").lower() in TRUST
            fix = TRUST_FIX if trust else "write it for these hosts into ~/.ssh/config"
            remarks.note(found.line, f"{option} of {name} is not taken over", fix)
    return jump


def read_arguments(text: str) -> tuple[str | None, list[str]]:
    """The jump host among ssh's arguments, and the options that mean something else."""
    try:
        words = shlex.split(text)
    except ValueError:
        return None, ["a quote"]
    jump, rest = None, []
    while words:
        word = words.pop(0)
        given = word[2:] or (words.pop(0) if words else "") if word[:2] in ("-o", "-J") else ""
        key, _, value = given.partition("=") if "=" in given else given.partition(" ")
        if word.startswith("-J"):
            jump = given
        elif key.strip().lower() == "proxyjump":
            jump = value.strip()
        elif key.strip().lower() == "proxycommand" and (hop := jump_of_command(value.strip())):
            jump = hop
        else:
            rest += [f"-o {key.strip()}"] if word.startswith("-o") else _option(word)
    return (None, ["-o ProxyJump", *rest]) if jump and _is_template(jump) else (jump, rest)


def _option(word: str) -> list[str]:
    """The name of an option; what follows it is its value."""
    return [word[:2]] if word.startswith("-") else []


def _without_rest(variables: Variables, remarks: Remarks) -> Variables:
    """What says how to reach the host; all else is named, without its value."""
    taken = {}
    for name, variable in variables.items():
        encrypted = str(variable.value).startswith("$ANSIBLE_VAULT")
        if name in _TAKEN and not encrypted:
            taken[name] = variable
            continue
        if encrypted or _SECRET.search(name):
            what = f"{name} is a secret, and left out"
            fix = "log in by key: clusterkit takes no passwords"
        else:
            what = f"the variable {name} is not taken over"
            fix = "nothing, if only Ansible uses it"
        remarks.note(variable.line, what, fix)
    return taken


def _is_template(text: str) -> bool:
    return "{{" in text or "{%" in text

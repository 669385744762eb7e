"""Host files of MPI: ``host slots=4`` (Open MPI, DeepSpeed) and ``host:4`` (MPICH, Intel MPI)."""

from __future__ import annotations

import re
from dataclasses import replace

from clusterkit.model.imported.found import Found, FoundHost, Line, Remarks, whole_number
from clusterkit.model.node_sets import NotANodeSet, expand
from clusterkit.model.ssh_nodes import Access
from clusterkit.quantities import counted

_SLOTS = ("slots", "slot", "count", "cpus", "cpu")
_USERS = ("user", "username", "user-name", "user_name")
_HOST = re.compile(
    r"(?:(?P<user>[^@]+)@)?(?P<host>\[[0-9a-fA-F]*:[0-9a-fA-F:]*\]|[^@:]+)(?::(?P<slots>.*))?"
)


def read_hostfile(file: str, text: str, remarks: Remarks) -> Found:
    """Every host; what stands on several lines has the slots of all of them together."""
    hosts: dict[str, FoundHost] = {}
    for number, content in enumerate(text.splitlines(), 1):
        words = re.sub(r"\s*=\s*", "=", content.partition("#")[0]).split()
        if words:
            for host in _hosts(words, Line(file, number), remarks):
                before = hosts.get(host.name)
                hosts[host.name] = _joined(before, host, remarks) if before else host
    if unsaid := [host for host in hosts.values() if host.slots is None]:
        count = counted(len(unsaid), "host")
        what = f"{count} without slots: MPI takes one for each core, here it is one"
        remarks.note(unsaid[0].line, what, "write `slots` into the inventory")
    return Found(tuple(hosts.values()))


def _hosts(words: list[str], line: Line, remarks: Remarks) -> list[FoundHost]:
    parts = _HOST.fullmatch(words[0])
    if parts is None or words[0].startswith(("+", "^", "-")):
        fix = "write `host`, `host slots=4` or `host:4`"
        remarks.mistake(line, f"`{words[0]}` is no host", fix)
        return []
    slots, user = parts["slots"], parts["user"]
    for word in words[1:]:
        key, given, value = word.partition("=")
        if key.lower() in _SLOTS and given and slots is None:
            slots = value
        elif key.lower() in _USERS and given:
            user = value
        elif given:
            fix = "nothing, or set what it means with mpirun's own settings"
            remarks.note(line, f"`{key}` is not taken over", fix)
        else:
            fix = "write `host slots=4`, one host on each line"
            remarks.mistake(line, f"`{word}` means nothing behind a host", fix)
    count = None if slots is None else whole_number(slots, "slots", line, remarks)
    try:
        names = expand(parts["host"]) if re.search(r"\[\d", parts["host"]) else (parts["host"],)
    except NotANodeSet as error:
        remarks.mistake(line, f"`{parts['host']}` {error}", "write each host on a line of its own")
        return []
    return [
        FoundHost(name.strip("[]"), line, access=Access(user=user), slots=count) for name in names
    ]


def _joined(before: FoundHost, again: FoundHost, remarks: Remarks) -> FoundHost:
    slots = (before.slots or 1) + (again.slots or 1)
    what = f"{again.name} is on line {before.line.number} as well: its slots are added, {slots}"
    remarks.note(again.line, what, "if that is not meant, correct `slots` in the inventory")
    return replace(before, slots=slots)

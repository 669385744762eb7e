"""From machines as another program lists them to the nodes of a cluster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from itertools import groupby

from clusterkit.model.addresses import common_subnet, is_ipv4
from clusterkit.model.base import is_name
from clusterkit.model.imported.found import Found, FoundHost, Line, Remarks
from clusterkit.model.node_sets import fold
from clusterkit.model.ssh_nodes import SshNode

_LONGEST_NAME = 63
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]*")
_WORD = re.compile(r"[^\s\x00-\x1f\x7f-]\S*")
_LINE = re.compile(r"[^\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes and groups as the inventory names them."""

    nodes: tuple[SshNode, ...]
    groups: Mapping[str, tuple[str, ...]]
    lines: Mapping[str, Line]

    def only(self, names: Sequence[str]) -> Nodes:
        """These nodes; groups without any of them are left out."""
        nodes = tuple(node for node in self.nodes if node.name in names)
        kept = {
            group: tuple(name for name in members if name in names)
            for group, members in self.groups.items()
        }
        groups = {group: members for group, members in kept.items() if members}
        return replace(self, nodes=nodes, groups=groups)


def as_nodes(found: Found, remarks: Remarks) -> Nodes:
    """Nodes by valid names; each machine once. Values that cannot be are mistakes."""
    for host in found.hosts:
        _check(host, remarks)
    hosts = _each_once(found.hosts, remarks)
    names = node_names([host.name for host in hosts])
    _note_names(hosts, names, remarks)
    groups = _groups(found, names, remarks)
    nodes = tuple(_node(host, names[host.name]) for host in hosts)
    return Nodes(nodes, groups, {names[host.name]: host.line for host in hosts})


def with_subnet(nodes: Nodes, subnet: str, remarks: Remarks) -> Nodes:
    """The nodes, without the addresses that do not lie in ``subnet`` or are another's."""
    network, taken = IPv4Network(subnet), set[str]()
    outside: list[SshNode] = []
    kept: list[SshNode] = []
    for node in nodes.nodes:
        wrong = node.address and (
            IPv4Address(node.address) not in network or node.address in taken
        )
        outside += [node] if wrong else []
        kept.append(replace(node, address=None) if wrong else node)
        taken.update([node.address] if node.address else [])
    if outside:
        names = _folded([node.name for node in outside])
        what = f"the addresses of {names} are left out: they are not in {subnet}, or another's"
        fix = "nothing, if the machines have others there: those are found"
        remarks.note(nodes.lines[outside[0].name], what, fix)
    return replace(nodes, nodes=tuple(kept))


def guessed_subnet(nodes: Nodes) -> str | None:
    """The subnet that all addresses lie in, where every node has one or is reached by it."""
    return common_subnet(node.address or node.host or node.name for node in nodes.nodes)


def node_names(names: Sequence[str]) -> dict[str, str]:
    """A valid name of its own for each: the first label where that is enough, in lower case."""
    first = Counter(_first_label(name) for name in names)
    made: dict[str, str] = {name: name for name in names if is_name(name)}
    for name in names:
        if name not in made:
            short = _first_label(name)
            made[name] = _free(_valid(short if first[short] == 1 else name), made.values())
    return made


def _check(host: FoundHost, remarks: Remarks) -> None:
    access = host.access
    for kind, value, form, fix in (
        ("host", host.host or host.name, _HOST, "write a name or an address"),
        ("user", access.user, _WORD, "write a login name"),
        ("jump host", access.jump, _WORD, "write [user@]host[:port]"),
        ("key file", access.key_file, _LINE, "write the path of a private key"),
    ):
        if value is not None and not form.fullmatch(value):
            remarks.mistake(host.line, f"{value!r} is no {kind}", fix)


def _each_once(hosts: Iterable[FoundHost], remarks: Remarks) -> list[FoundHost]:
    first: dict[object, FoundHost] = {}
    for host in hosts:
        machine = (host.host or host.name, host.access.user, host.access.port)
        other = first.setdefault(machine, host)
        if other is not host:
            what = f"{host.name} is left out: it is the same machine as {other.name}, {machine[0]}"
            remarks.note(host.line, what, "for more ranks, raise `slots` in the inventory")
    return list(first.values())


def _note_names(hosts: Sequence[FoundHost], names: Mapping[str, str], remarks: Remarks) -> None:
    """One note for all, at the first; names that differ in their numbers are one set."""
    changed = [host for host in hosts if names[host.name] != host.name]
    runs = [
        (_folded([host.name for host in run]), _folded([names[host.name] for host in run]))
        for run in (list(alike) for _, alike in groupby(changed, key=_shape))
    ]
    if runs:
        renamed = ", ".join(f"{before} is {after} here" for before, after in runs)
        fix = "choose other names in the inventory, if you like; `host` says where each is"
        remarks.note(changed[0].line, f"what cannot be a node's name: {renamed}", fix)


def _shape(host: FoundHost) -> str:
    return re.sub(r"\d+", "#", host.name)


def _groups(
    found: Found, names: Mapping[str, str], remarks: Remarks
) -> dict[str, tuple[str, ...]]:
    taken = [*names.values(), "all"]
    groups: dict[str, tuple[str, ...]] = {}
    lines = {host.name: host.line for host in found.hosts}
    for group, members in found.groups.items():
        kept = tuple(names[name] for name in members if name in names)
        if not kept or (group == "all" and len(kept) == len(names)):
            continue
        valid = group if is_name(group) else _valid(group, "group")
        name = _free(f"{valid}-group" if valid in taken else valid, [*taken, *groups])
        groups[name] = kept
        if name != group:
            what = f"group {group} is @{name} here"
            remarks.note(lines[members[0]], what, "choose another name, if you like")
    return groups


def _node(host: FoundHost, name: str) -> SshNode:
    reached = host.host or (host.name if host.name != name else None)
    return SshNode(
        name,
        host=reached if reached != name else None,
        address=host.address,
        slots=host.slots,
        gpus=tuple(range(host.gpus)),
        access=host.access,
    )


def _first_label(name: str) -> str:
    return name if is_ipv4(name) else name.partition(".")[0]


def _valid(text: str, kind: str = "node") -> str:
    plain = re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")
    named = plain if plain[:1].isalpha() else f"{kind}-{plain}".rstrip("-")
    return named[:_LONGEST_NAME].rstrip("-")


def _free(name: str, taken: Iterable[str]) -> str:
    """``name``, or the first of ``name-2``, ``name-3``, … that nobody has."""
    used, found, number = set(taken), name, 1
    while found in used:
        number += 1
        found = f"{name[: _LONGEST_NAME - 6]}-{number}"
    return found


def _folded(names: Sequence[str]) -> str:
    return fold(names) if all(_HOST.fullmatch(name) for name in names) else ", ".join(names)

"""Slurm's nodes: slurm.conf, ``scontrol show node``, ``sinfo``, and lists of hosts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from clusterkit.model.addresses import is_ipv4
from clusterkit.model.imported.found import Found, FoundHost, Line, Remarks, whole_number
from clusterkit.model.imported.slurm_config import logical_lines
from clusterkit.model.node_sets import NotANodeSet, expand

_MOST_GPUS = 1024
_SET_FIX = "write it as Slurm does: gpu[01-16,20]"
_GONE = re.compile(r"down|drain|drng|fail|maint|future|no_?respond|unk|power", re.IGNORECASE)


@dataclass(slots=True)
class _Nodes:
    """Hosts in order, and the partitions that they are in."""

    remarks: Remarks
    hosts: dict[str, FoundHost] = field(default_factory=dict[str, FoundHost])
    groups: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def add(self, host: FoundHost, partitions: str = "") -> None:
        self.hosts.setdefault(host.name, host)
        for partition in filter(None, partitions.split(",")):
            members = self.groups.setdefault(partition.rstrip("*"), [])
            if host.name not in members:
                members.append(host.name)

    def expand(self, text: str, line: Line) -> tuple[str, ...]:
        try:
            return expand(text)
        except NotANodeSet as error:
            self.remarks.mistake(line, f"the node list `{text}` {error}", _SET_FIX)
            return ()


def read_slurm(
    file: str, text: str, remarks: Remarks, read: Callable[[str], str] | None = None
) -> Found:
    """Every node, with its partitions as groups. ``read`` gives the text of an included file."""
    nodes = _Nodes(remarks)
    if re.search(r"^\s*(NodeName|PartitionName|NodeSet)\s*=", text, re.IGNORECASE | re.MULTILINE):
        _assignments(file, text, nodes, read)
    elif header := re.search(r"^.*\b(NODELIST|HOSTNAMES)\b.*$", text, re.MULTILINE):
        _table(file, text, text.count("\n", 0, header.start()), nodes)
    else:
        for number, content in enumerate(text.splitlines(), 1):
            line = Line(file, number)
            for word in content.partition("#")[0].split():
                for name in nodes.expand(word.strip(","), line):
                    nodes.add(FoundHost(name, line))
    groups = {name: tuple(members) for name, members in nodes.groups.items()}
    return Found(tuple(nodes.hosts.values()), groups)


def _assignments(file: str, text: str, nodes: _Nodes, read: Callable[[str], str] | None) -> None:
    """``NodeName=… CPUs=…``, one record a line (slurm.conf) or over several (scontrol)."""
    defaults: dict[str, str] = {}
    sets: dict[str, str] = {}
    later: list[tuple[Line, dict[str, str]]] = []
    for line, values in logical_lines(file, text, nodes.remarks, read):
        kind = next(iter(values))
        if kind == "nodename" and values[kind].upper() == "DEFAULT":
            defaults |= {key: value for key, value in values.items() if key != kind}
        elif kind == "nodename":
            _node(line, {**defaults, **values}, nodes)
        elif kind == "nodeset":
            sets[values[kind]] = values.get("nodes", "")
        elif kind == "partitionname" and values[kind].upper() != "DEFAULT":
            later.append((line, values))
    for line, values in later:
        _partition(line, values, sets, nodes)


def _node(line: Line, values: Mapping[str, str], nodes: _Nodes) -> None:
    names = nodes.expand(values["nodename"], line)
    slots, gpus = _slots(values, line, nodes.remarks), _gpus(values, line, nodes.remarks)
    _state(values["nodename"], values, line, nodes)
    for name, reached in zip(names, _reached_by(values, names, line, nodes), strict=True):
        host = None if reached in (None, name) else reached
        found = FoundHost(
            name,
            line,
            host=host,
            address=host if host and is_ipv4(host) else None,
            slots=None if gpus else slots,
            gpus=gpus,
        )
        nodes.add(found, values.get("partitions", ""))


def _reached_by(
    values: Mapping[str, str], names: tuple[str, ...], line: Line, nodes: _Nodes
) -> Sequence[str | None]:
    """What each node is reached by: its NodeAddr, or else its NodeHostname."""
    key = next((key for key in ("nodeaddr", "nodehostname") if values.get(key)), None)
    given = nodes.expand(values[key], line) if key else ()
    if len(given) == len(names):
        return given
    if given:
        what = f"{key} has {len(given)} names for {len(names)} nodes"
        nodes.remarks.mistake(line, what, "give one for each node")
    return [None] * len(names)


def _slots(values: Mapping[str, str], line: Line, remarks: Remarks) -> int | None:
    for key in ("cpus", "cputot", "procs"):
        if key in values:
            return whole_number(values[key].rstrip("+"), key, line, remarks)
    cores = 1
    for key in ("sockets", "socketsperboard", "boards", "corespersocket"):
        if key in values and (count := whole_number(values[key], key, line, remarks)):
            cores *= count
    return cores if "corespersocket" in values or "sockets" in values else None


def _gpus(values: Mapping[str, str], line: Line, remarks: Remarks) -> int:
    """The GPUs of ``Gres=gpu:h100:8(S:0-1),gpu:a100:2,mps:100``."""
    count = 0
    gres = re.sub(r"\([^)]*\)", "", values.get("gres", ""))
    for part in filter(None, gres.split(",")):
        kind, *rest = part.split(":")
        if kind != "gpu":
            remarks.note(line, f"Gres `{kind}` is not taken over", "nothing: only GPUs are placed")
        elif rest and re.fullmatch(r"\d+", rest[-1]):
            count += whole_number(rest[-1], "Gres", line, remarks, most=_MOST_GPUS) or 0
        else:
            count += 1
    return count


def _state(name: str, values: Mapping[str, str], line: Line, nodes: _Nodes) -> None:
    if _GONE.search(values.get("state", "")):
        what = f"{name} is {values['state']} in Slurm, and taken over all the same"
        nodes.remarks.note(line, what, "leave it out with `--only`, or by hand")


def _partition(
    line: Line, values: Mapping[str, str], sets: Mapping[str, str], nodes: _Nodes
) -> None:
    listed = values.get("nodes", "")
    listed = ",".join(sets.get(word, word) for word in re.split(r",(?![^\[]*\])", listed))
    if not listed or listed == "(null)":
        return
    members = tuple(nodes.hosts) if listed.upper() == "ALL" else nodes.expand(listed, line)
    unknown = [name for name in members if name not in nodes.hosts]
    if unknown:
        what = f"partition {values['partitionname']}: no NodeName is {unknown[0]}"
        nodes.remarks.mistake(line, what, "correct the name, or add the node")
    for name in members:
        if name in nodes.hosts:
            nodes.add(nodes.hosts[name], values["partitionname"])


def _table(file: str, text: str, above: int, nodes: _Nodes) -> None:
    """``sinfo``: a header and rows; the reason, which has spaces, comes last."""
    lines = text.splitlines()
    columns = [word.strip("*").lower() for word in lines[above].split()]
    for number, content in enumerate(lines[above + 1 :], above + 2):
        line, words = Line(file, number), content.split()
        if not words or "NODELIST" in words or "HOSTNAMES" in words:
            continue
        values = dict(zip(columns, words, strict=False))
        listed = values.get("nodelist") or values.get("hostnames")
        if listed is None:
            what, fix = "the row is shorter than its header", "take the output of `sinfo -N` whole"
            nodes.remarks.mistake(line, what, fix)
            continue
        gpus, slots = _gpus(values, line, nodes.remarks), _slots(values, line, nodes.remarks)
        _state(listed, values, line, nodes)
        for name in nodes.expand(listed, line):
            found = FoundHost(name, line, slots=None if gpus else slots, gpus=gpus)
            nodes.add(found, values.get("partition", ""))

"""An Ansible inventory as a tree: groups with hosts, children and variables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from clusterkit.model.imported.found import MOST_HOSTS, Line

_RANGE = re.compile(r"\[(\w+):(\w+)(?::(\d+))?\]")


@dataclass(frozen=True, slots=True)
class Variable:
    """A value, and where it stands."""

    value: Any
    line: Line


Variables = dict[str, Variable]


@dataclass(slots=True)
class Group:
    """One group; order is that of the file."""

    line: Line
    hosts: list[str] = field(default_factory=list[str])
    children: dict[str, Line] = field(default_factory=dict[str, Line])
    variables: Variables = field(default_factory=Variables)


@dataclass(slots=True)
class Tree:
    """Everything that one inventory says."""

    groups: dict[str, Group] = field(default_factory=dict[str, Group])
    hosts: dict[str, Line] = field(default_factory=dict[str, Line])
    variables: dict[str, Variables] = field(default_factory=dict[str, Variables])

    def group(self, name: str, line: Line) -> Group:
        """The group of this name, made where there is none."""
        return self.groups.setdefault(name, Group(line))

    def host(self, name: str, group: str, line: Line, port: int | None = None) -> Variables:
        """Put a host into a group; its variables, to be added to.

        ``port`` is the one behind its name: it holds where the host is first named.
        """
        if name not in self.hosts:
            self.hosts[name] = line
            self.variables[name] = {} if port is None else {"ansible_port": Variable(port, line)}
        members = self.group(group, line).hosts
        if name not in members:
            members.append(name)
        return self.variables[name]

    def members(self, name: str) -> tuple[str, ...]:
        """The hosts of a group and of everything below it, in the order of the file."""
        inside: set[str] = set()
        for group in self._below(name, ()):
            inside.update(self.groups[group].hosts)
        return tuple(host for host in self.hosts if host in inside)

    def circles(self) -> Iterator[str]:
        """Groups that are their own descendants."""
        for name in self.groups:
            below = [d for child in self.groups[name].children for d in self._below(child, ())]
            if name in below:
                yield name

    def layers(self) -> list[str]:
        """All groups, `all` first, every group behind those that it is in."""
        depth = {name: self._depth(name) for name in self.groups}
        priority = {name: _priority(group) for name, group in self.groups.items()}
        return sorted(self.groups, key=lambda name: (depth[name], priority[name], name))

    def _below(self, name: str, above: tuple[str, ...]) -> Iterator[str]:
        if name in self.groups and name not in above:
            yield name
            for child in self.groups[name].children:
                yield from self._below(child, (*above, name))

    def _depth(self, name: str, seen: tuple[str, ...] = ()) -> int:
        if name == "all" or name in seen:
            return 0
        parents = [each for each, group in self.groups.items() if name in group.children]
        return 1 + max((self._depth(each, (*seen, name)) for each in parents), default=0)


def _priority(group: Group) -> int:
    given = group.variables.get("ansible_group_priority")
    return int(given.value) if given and re.fullmatch(r"\d{1,6}", str(given.value)) else 1


class NotARange(ValueError):
    """The brackets of a host cannot be expanded; the message says why."""


def expand_hosts(pattern: str) -> tuple[tuple[str, ...], int | None]:
    """The hosts of ``db[01:10:2]-[a:c].example.net:2222``, and the port."""
    port = None
    if (found := re.fullmatch(r"(.*[^:]):(\d+)", pattern)) and (
        ":" not in re.sub(r"\[[^\]]*\]", "", found[1])
    ):
        pattern, port = found[1], int(found[2])
    if re.fullmatch(r"\[[0-9a-fA-F:]*:[0-9a-fA-F:]*:[0-9a-fA-F:]*\]", pattern) and (
        not _RANGE.fullmatch(pattern)
    ):
        return (pattern[1:-1],), port  # an IPv6 address
    parts = [[text] if text else [""] for text in _RANGE.split(pattern)[::4]]
    ranges = [_steps(*match.groups()) for match in _RANGE.finditer(pattern)]
    count = 1
    for values in ranges:
        count *= len(values)
    if count > MOST_HOSTS:
        raise NotARange(f"means more than {MOST_HOSTS} hosts")
    woven = [values for pair in zip(parts, [*ranges, [""]], strict=True) for values in pair]
    names = tuple("".join(words) for words in product(*woven))
    if any("[" in name or "]" in name for name in names):
        raise NotARange("has brackets that are no range such as [01:10] or [a:c]")
    return names, port


def _steps(first: str, last: str, step: str | None) -> list[str]:
    by = int(step or 1)
    if first.isdecimal() and last.isdecimal():
        if len(first) > 1 and first.startswith("0") and len(first) != len(last):
            raise NotARange(f"has [{first}:{last}], whose ends are not as long as one another")
        width = len(first) if first.startswith("0") else 0
        numbers = range(int(first), int(last) + 1, by) if by else range(0)
        if len(numbers) > MOST_HOSTS:
            raise NotARange(f"means more than {MOST_HOSTS} hosts")
        found = [str(number).zfill(width) for number in numbers]
    elif re.fullmatch(r"[a-z]{2}|[A-Z]{2}", first + last) and by:
        found = [chr(code) for code in range(ord(first), ord(last) + 1, by)]
    else:
        found = []
    if not found:
        raise NotARange(f"has [{first}:{last}], which does not rise from a number or a letter")
    return found

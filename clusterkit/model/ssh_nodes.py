"""Nodes of provider ssh as inventories write them: many that are alike share a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from clusterkit.model.inventory_text import row, word
from clusterkit.model.node_sets import NotANodeSet, expand, fold

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Access:
    """How to log in to one machine; None: as ``~/.ssh/config`` says."""

    user: str | None = None
    port: int | None = None
    key_file: str | None = None
    jump: str | None = None
    trust: str | None = None


ANY_ACCESS = Access()


@dataclass(frozen=True, slots=True)
class SshNode:
    """One node as it is written. ``host`` None: its name. ``address`` None: found by subnet.

    ``slots`` None: one for each GPU, else one. ``comment`` is said behind its line, and before
    the line where it has more than one.
    """

    name: str
    host: str | None = None
    address: str | None = None
    slots: int | None = None
    gpus: tuple[int, ...] = ()
    access: Access = ANY_ACCESS
    comment: str = ""


def node_rows(nodes: Sequence[SshNode], common: SshNode) -> Iterator[str]:
    """The lines of ``nodes``, in their order, with what is not as in ``common``."""
    for _, alike in groupby(nodes, key=_alike):
        for folded in _folded(list(alike)):
            yield from _node_row(folded, common)


def _alike(node: SshNode) -> tuple[Any, ...]:
    """What nodes of one line must have in common."""
    shapes = [value and _NUMBER.sub("#", value) for value in (node.name, node.host, node.address)]
    return (*shapes, node.slots, node.gpus, node.access, node.comment)


def _folded(nodes: list[SshNode]) -> Iterator[list[SshNode]]:
    """The nodes in as few lines as say the same: all in one, or else half of them in each."""
    if len(nodes) == 1 or _set_of(nodes):
        yield nodes
        return
    middle = len(nodes) // 2
    yield from _folded(nodes[:middle])
    yield from _folded(nodes[middle:])


def _set_of(nodes: list[SshNode]) -> dict[str, str] | None:
    """Name, host and address of all, each as one set; None where order or form would be lost."""
    made: dict[str, str] = {}
    for key in ("name", "host", "address"):
        values = [getattr(node, key) for node in nodes]
        if values[0] is None:
            continue
        if len(nodes) == 1:
            made[key] = values[0]
            continue
        try:
            made[key] = fold(values)
            same = list(expand(made[key])) == values
        except (NotANodeSet, ValueError):
            return None
        if not same or "," in made[key].partition("[")[0] or made[key].count("[") != 1:
            return None
    return made


def _node_row(nodes: list[SshNode], common: SshNode) -> Iterator[str]:
    sets, first = _set_of(nodes) or {}, nodes[0]
    parts = [f"{key}: {word(sets[key])}" for key in ("host", "address") if key in sets]
    if first.slots and first.slots != common.slots:
        parts.append(f"slots: {first.slots}")
    if first.gpus != common.gpus:
        parts.append(f"gpus: {gpu_numbers(first.gpus)}")
    shared = _said(common.access)
    said = _said(first.access)
    own = {name: value for name, value in said.items() if value != shared.get(name)}
    if own:
        parts.append(f"ssh: {access_map(Access(**own))}")
    *above, behind = first.comment.split("\n")
    yield from (row(2, f"# {line}") for line in above)
    text = f"{sets['name']}: {{{', '.join(parts)}}}" if parts else f"{sets['name']}:"
    yield row(2, text, behind)


def _said(access: Access) -> dict[str, Any]:
    values = {field.name: getattr(access, field.name) for field in fields(access)}
    return {name: value for name, value in values.items() if value is not None}


def access_map(access: Access) -> str:
    """One line of YAML; empty where nothing is said."""
    said = [
        f"{name}: {value if isinstance(value, int) else word(value)}"
        for name, value in _said(access).items()
    ]
    return f"{{{', '.join(said)}}}" if said else ""


def gpu_numbers(gpus: tuple[int, ...]) -> str:
    """GPU numbers: a range where they follow one another, else a list."""
    if len(gpus) > 1 and gpus == tuple(range(gpus[0], gpus[-1] + 1)):
        return f"{gpus[0]}-{gpus[-1]}"
    return str(list(gpus))

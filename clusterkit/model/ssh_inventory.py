"""The text of an inventory of machines: what `init`, `import` and `discover` write.

Nodes that follow one another and differ in nothing but their numbers share a line, and what all
nodes have in common stands once, on top.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any, Literal

from clusterkit.model.inventory_text import engine_text, row, word
from clusterkit.model.node_sets import NotANodeSet, expand, fold

SUBNET_COMMENT = "the network that the machines share"


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


def ssh_inventory(
    nodes: Sequence[SshNode],
    *,
    cluster: str,
    subnet: str | None,
    head: Sequence[str] = (),
    groups: Mapping[str, Sequence[str]] | None = None,
    runtime: Literal["bare", "docker"] = "bare",
    model: str = "smollm2-135m",
    subnet_comment: str = SUBNET_COMMENT,
) -> str:
    """A commented inventory of provider ssh. ``head`` are the sentences at its top."""
    common = _common(nodes)
    ranks = sum(node.slots or len(node.gpus) or 1 for node in nodes)
    return "".join(
        [
            *(f"# {line}\n" for line in head),
            "\n" if head else "",
            row(0, f"cluster: {word(cluster)}"),
            row(0, "provider: ssh"),
            row(0, f"runtime: {runtime}", "or docker: one container on each machine"),
            _access_text(common.access),
            _defaults_text(common),
            "\n# The first node is the head, where mpirun starts.\nnodes:\n",
            *_node_rows(nodes, common),
            _groups_text(groups or {}),
            _network_text(subnet, subnet_comment),
            _STORAGE,
            engine_text(model, pp=2 if ranks > 1 else 1),
        ]
    )


_STORAGE = """
# Without this, each node has files of its own, and a copy of the model:
# storage: {kind: bind, path: /mnt/shared}      # a folder that every machine has mounted
"""


_NUMBER = re.compile(r"\d+")


def _common(nodes: Sequence[SshNode]) -> SshNode:
    """What most nodes have, of the settings that every node has: a node cannot take one back."""
    settings = {name: _most([getattr(node, name) for node in nodes]) for name in ("slots", "gpus")}
    access = {
        field.name: _most([getattr(node.access, field.name) for node in nodes])
        for field in fields(Access)
    }
    return SshNode(
        "", slots=settings["slots"], gpus=settings["gpus"] or (), access=Access(**access)
    )


def _most(values: list[Any]) -> Any:
    """The value that there is most often; None where one is None or empty."""
    return Counter(values).most_common(1)[0][0] if all(values) else None


def _access_text(access: Access) -> str:
    if said := _access_map(access):
        return f"\n# How to log in; the rest is as your ~/.ssh/config says.\nssh: {said}\n"
    return row(
        0, "#ssh: {user: ubuntu, port: 22}", "how to log in; default: as your ~/.ssh/config says"
    )


def _defaults_text(common: SshNode) -> str:
    rows = []
    if common.slots:
        rows.append(row(2, f"slots: {common.slots}", "room for this many MPI ranks"))
    if common.gpus:
        rows.append(row(2, f"gpus: {_numbers(common.gpus)}", "the ranks take them in turn"))
    return "".join(["\ndefaults:\n", *rows]) if rows else ""


def _node_rows(nodes: Sequence[SshNode], common: SshNode) -> Iterator[str]:
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
        parts.append(f"gpus: {_numbers(first.gpus)}")
    shared = _said(common.access)
    said = _said(first.access)
    own = {name: value for name, value in said.items() if value != shared.get(name)}
    if own:
        parts.append(f"ssh: {_access_map(Access(**own))}")
    *above, behind = first.comment.split("\n")
    yield from (row(2, f"# {line}") for line in above)
    text = f"{sets['name']}: {{{', '.join(parts)}}}" if parts else f"{sets['name']}:"
    yield row(2, text, behind)


def _groups_text(groups: Mapping[str, Sequence[str]]) -> str:
    if not groups:
        return ""
    rows = [row(2, f"{name}: {word(fold(members))}") for name, members in groups.items()]
    return "".join(["\n# @NAME in every verb that takes nodes.\ngroups:\n", *rows])


def _network_text(subnet: str | None, comment: str) -> str:
    if subnet is None:
        return "\n#network: {subnet: 10.0.0.0/24}    # needed as soon as there are two nodes\n"
    return "\nnetwork:\n" + row(2, f"subnet: {subnet}", comment)


def _said(access: Access) -> dict[str, Any]:
    values = {field.name: getattr(access, field.name) for field in fields(access)}
    return {name: value for name, value in values.items() if value is not None}


def _access_map(access: Access) -> str:
    """One line of YAML; empty where nothing is said."""
    said = [
        f"{name}: {value if isinstance(value, int) else word(value)}"
        for name, value in _said(access).items()
    ]
    return f"{{{', '.join(said)}}}" if said else ""


def _numbers(gpus: tuple[int, ...]) -> str:
    """GPU numbers: a range where they follow one another, else a list."""
    if len(gpus) > 1 and gpus == tuple(range(gpus[0], gpus[-1] + 1)):
        return f"{gpus[0]}-{gpus[-1]}"
    return str(list(gpus))

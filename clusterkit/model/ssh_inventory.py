"""The text of an inventory of machines: what `init`, `import` and `discover` write.

What all nodes have in common stands once, on top.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal

from clusterkit.model.inventory_text import engine_text, row, word
from clusterkit.model.node_sets import fold
from clusterkit.model.ssh_nodes import Access, SshNode, access_map, gpu_numbers, node_rows

SUBNET_COMMENT = "the network that the machines share"


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
            *node_rows(nodes, common),
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
    if said := access_map(access):
        return f"\n# How to log in; the rest is as your ~/.ssh/config says.\nssh: {said}\n"
    return row(
        0, "#ssh: {user: ubuntu, port: 22}", "how to log in; default: as your ~/.ssh/config says"
    )


def _defaults_text(common: SshNode) -> str:
    rows = []
    if common.slots:
        rows.append(row(2, f"slots: {common.slots}", "room for this many MPI ranks"))
    if common.gpus:
        rows.append(row(2, f"gpus: {gpu_numbers(common.gpus)}", "the ranks take them in turn"))
    return "".join(["\ndefaults:\n", *rows]) if rows else ""


def _groups_text(groups: Mapping[str, Sequence[str]]) -> str:
    if not groups:
        return ""
    rows = [row(2, f"{name}: {word(fold(members))}") for name, members in groups.items()]
    return "".join(["\n# @NAME in every verb that takes nodes.\ngroups:\n", *rows])


def _network_text(subnet: str | None, comment: str) -> str:
    if subnet is None:
        return "\n#network: {subnet: 10.0.0.0/24}    # needed as soon as there are two nodes\n"
    return "\nnetwork:\n" + row(2, f"subnet: {subnet}", comment)

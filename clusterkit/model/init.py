"""A first inventory for `clusterkit init`: commented YAML, ready to be edited."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from clusterkit.model.addresses import common_subnet
from clusterkit.model.inventory_text import engine_text, row, word
from clusterkit.model.ssh_inventory import SUBNET_COMMENT, ssh_inventory
from clusterkit.model.ssh_nodes import SshNode

Provider = Literal["local", "docker", "ssh"]

EDIT = "EDIT: "
"""Begins what is said of a line that must be corrected first."""
_DEFAULT_SLOTS = 2
_SUBNET = "192.168.123.0/24"


def first_inventory(
    provider: Provider,
    *,
    cluster: str,
    nodes: int = 2,
    slots: int | None = None,
    gpus_per_node: int = 0,
    subnet: str | None = None,
    image: str = "clusterkit/node-cpu",
    build_context: str | None = None,
    model: str = "smollm2-135m",
    hosts: Sequence[str] = (),
) -> str:
    """The text of an inventory; loading it checks what was asked for.

    ``slots`` are those of each node; None: one for each GPU, else two. ``hosts`` are the
    machines of provider ssh; where their ``subnet`` can only be told by who knows them, its line
    says :data:`EDIT`. For docker, ``build_context`` is the folder that has
    ``images/node.Dockerfile``; without it the image is used or pulled. Local has one node.
    """
    slots = slots or gpus_per_node or _DEFAULT_SLOTS
    if provider == "ssh":
        return _machines(cluster, hosts, slots, gpus_per_node, subnet, model)
    ranks = slots * (nodes if provider == "docker" else 1)
    sections = [
        _HEADS[provider],
        row(0, f"cluster: {word(cluster)}"),
        row(0, f"provider: {provider}"),
    ]
    match provider:
        case "local":
            sections.append("\nnodes:\n  localhost:\n" + _slots(4, slots, gpus_per_node))
        case "docker":
            sections.append(_docker_nodes(nodes, slots, gpus_per_node))
            sections.append(_DOCKER.format(subnet=subnet or _SUBNET, image=word(image)))
            sections.append(_build(build_context) + _gpu_container(gpus_per_node))
    return "".join([*sections, engine_text(model, pp=2 if ranks > 1 else 1)])


_HEADS = {
    "local": "# This machine as a cluster of one node. Next: clusterkit up FILE\n\n",
    "docker": "# Containers on this machine's Docker engine. Next: clusterkit up FILE\n\n",
}

_DOCKER = """
network:
  subnet: {subnet}      # private, and used by nothing else on this machine

# Where all nodes see the same files. A volume goes with the cluster. A folder stays:
# storage: {{kind: bind, source: ./shared, path: /shared}}
storage: {{kind: volume, path: /shared}}

container:
  image: {image}     # with sshd, Open MPI and Python
  shm_size: 1g                  # the ranks of one node talk through /dev/shm
"""


def _docker_nodes(nodes: int, slots: int, gpus: int) -> str:
    """All nodes as one set; with GPUs a line for each, as each needs GPUs of its own."""
    story = (
        "\n# The first node is the head, where mpirun starts. A slot is room for one MPI rank.\n"
    )
    story += "# A node may have an address of its own: `address: 192.168.123.111`.\nnodes:\n"
    if not gpus:
        name = f"node[1-{nodes}]" if nodes > 1 else "node1"
        return f"{story}  {name}:\n{_slots(4, slots, gpus)}"
    lists = [json.dumps([node * gpus + gpu for gpu in range(gpus)]) for node in range(nodes)]
    rows = (f"  node{n}: {{slots: {slots}, gpus: {own}}}\n" for n, own in enumerate(lists, 1))
    return story + "".join(rows)


def _machines(
    cluster: str, hosts: Sequence[str], slots: int, gpus: int, subnet: str | None, model: str
) -> str:
    """Machines by SSH; their network is given, guessed from their addresses, or to be edited."""
    known = subnet or common_subnet(hosts)
    needed = len(hosts) > 1
    nodes = [
        SshNode(f"node{n}", host, slots=slots, gpus=tuple(range(gpus)))
        for n, host in enumerate(hosts, 1)
    ]
    return ssh_inventory(
        nodes,
        cluster=cluster,
        subnet=known or (_SUBNET if needed else None),
        head=["Machines that you reach by SSH. Next: clusterkit up FILE"],
        model=model,
        subnet_comment=SUBNET_COMMENT if known else f"{EDIT}{SUBNET_COMMENT}",
    )


def _slots(indent: int, slots: int, gpus: int) -> str:
    rows = row(indent, f"slots: {slots}", "room for this many MPI ranks")
    if gpus:
        return rows + row(indent, f"gpus: {list(range(gpus))}", "the ranks take them in turn")
    return rows + "#" + row(indent, "gpus: [0]", "the node's GPUs; the ranks take them in turn")


def _build(context: str | None) -> str:
    if context is None:
        return (
            "#  build: {context: ., dockerfile: images/node.Dockerfile}    # instead of pulling\n"
        )
    return f"  build: {{context: {word(context)}, dockerfile: images/node.Dockerfile}}\n"


def _gpu_container(gpus: int) -> str:
    off = "" if gpus else "#"
    rows = f"{off}  ipc: host\n{off}  ulimits: {{memlock: -1, stack: 67108864}}\n"
    return ("  # What containers with GPUs want:\n" if gpus else "# With GPUs:\n") + rows

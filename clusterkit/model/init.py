"""A first inventory for `clusterkit init`: commented YAML, ready to be edited."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Literal

Provider = Literal["local", "docker", "ssh"]

_DEFAULT_SLOTS = 2


def first_inventory(
    provider: Provider,
    *,
    cluster: str,
    nodes: int = 2,
    slots: int | None = None,
    gpus_per_node: int = 0,
    subnet: str = "192.168.123.0/24",
    image: str = "clusterkit/node-cpu",
    build_context: str | None = None,
    model: str = "smollm2-135m",
    hosts: Sequence[str] = (),
) -> str:
    """The text of an inventory; loading it checks what was asked for.

    ``slots`` are those of each node; None: one for each GPU, else two. ``hosts`` are the
    machines of provider ssh. For docker, ``build_context`` is the folder that has
    ``images/node.Dockerfile``; without it the image is used or pulled. Local has one node.
    """
    slots = slots or gpus_per_node or _DEFAULT_SLOTS
    count = {"local": 1, "docker": nodes, "ssh": len(hosts)}[provider]
    sections = [
        _HEADS[provider],
        _row(0, f"cluster: {_text(cluster)}"),
        _row(0, f"provider: {provider}"),
    ]
    match provider:
        case "local":
            sections.append("\nnodes:\n  localhost:\n" + _slots(4, slots, gpus_per_node))
        case "docker":
            sections.append(_docker_nodes(nodes, slots, gpus_per_node))
            sections.append(_DOCKER.format(subnet=subnet, image=_text(image)))
            sections.append(_build(build_context) + _gpu_container(gpus_per_node))
        case "ssh":
            sections.append(_ssh_nodes(hosts, slots, gpus_per_node))
    return "".join([*sections, _engine(model, pp=2 if count * slots > 1 else 1)])


_HEADS: dict[Provider, str] = {
    "local": "# This machine as a cluster of one node. Next: clusterkit up FILE\n\n",
    "docker": "# Containers on this machine's Docker engine. Next: clusterkit up FILE\n\n",
    "ssh": (
        "# Machines that you reach by SSH.\n"
        "# NOT YET: this version's `up` takes local and docker; ssh comes with a later version.\n"
        "# This file has the shape that it will take.\n\n"
    ),
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


def _ssh_nodes(hosts: Sequence[str], slots: int, gpus: int) -> str:
    login = _row(0, "ssh: {user: ubuntu, port: 22}", "how to log in; your known_hosts decides")
    story = "\n# The first node is the head, where mpirun starts.\nnodes:\n"
    rows = "".join(f"  node{n}: {{host: {_text(host)}}}\n" for n, host in enumerate(hosts, 1))
    return f"\n{login}\ndefaults:\n{_slots(2, slots, gpus)}{story}{rows}"


def _slots(indent: int, slots: int, gpus: int) -> str:
    rows = _row(indent, f"slots: {slots}", "room for this many MPI ranks")
    if gpus:
        return rows + _row(indent, f"gpus: {list(range(gpus))}", "the ranks take them in turn")
    return rows + "#" + _row(indent, "gpus: [0]", "the node's GPUs; the ranks take them in turn")


def _build(context: str | None) -> str:
    if context is None:
        return (
            "#  build: {context: ., dockerfile: images/node.Dockerfile}    # instead of pulling\n"
        )
    return f"  build: {{context: {_text(context)}, dockerfile: images/node.Dockerfile}}\n"


def _gpu_container(gpus: int) -> str:
    off = "" if gpus else "#"
    rows = f"{off}  ipc: host\n{off}  ulimits: {{memlock: -1, stack: 67108864}}\n"
    return ("  # What containers with GPUs want:\n" if gpus else "# With GPUs:\n") + rows


def _engine(model: str, *, pp: int) -> str:
    return "\nengine:\n" + "".join(
        [
            _row(2, "name: transformers"),
            _row(2, f"model: {_text(model)}", "or hub/name, a Hugging Face folder, a GGUF file"),
            _row(2, f"pp: {pp}", "pipeline parallel: the layers over this many ranks"),
            _row(2, "tp: 1", "tensor parallel: every layer over this many ranks"),
        ]
    )


def _row(indent: int, text: str, comment: str = "") -> str:
    line = " " * indent + text
    return f"{line:<30}  # {comment}\n" if comment else f"{line}\n"


def _text(value: str) -> str:
    """``value`` in YAML: in quotes where it is not plainly a word."""
    plain = re.fullmatch(r"\.|(\.{0,2}/|[A-Za-z])[\w./:-]*[\w./-]", value)
    return (
        value
        if plain and value.lower() not in ("true", "false", "null")
        else json.dumps(value, ensure_ascii=False)
    )

"""Refuse a cluster whose nodes would run different images under one name."""

from __future__ import annotations

from clusterkit.errors import ClusterkitError
from clusterkit.facts import Images
from clusterkit.model.node_sets import fold

_SHORT = 12


def check_same_images(images: Images) -> None:
    """Compare the ids of every image by name; a node that has none of it is not compared.

    Raises:
        ClusterkitError: With each image that differs, who has which, and what mends it.
    """
    mixed = [line for name in _names(images) if (line := _mixed(name, images))]
    if mixed:
        raise ClusterkitError("\n".join(mixed))


def short_id(image_id: str) -> str:
    """An id as Docker prints it."""
    return image_id.rpartition(":")[2][:_SHORT]


def _names(images: Images) -> list[str]:
    return sorted({name for of_node in images.values() for name in of_node})


def _mixed(name: str, images: Images) -> str | None:
    nodes: dict[str, list[str]] = {}
    for node, of_node in images.items():
        if name in of_node:
            nodes.setdefault(of_node[name], []).append(node)
    if len(nodes) < 2:
        return None
    who = ", ".join(f"{short_id(image_id)} on {fold(names)}" for image_id, names in nodes.items())
    return (
        f"image {name} is not the same everywhere: {who}. "
        f"Fix: send one to all: `clusterkit images push {name} --inventory INVENTORY`"
    )

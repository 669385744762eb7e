"""What a node is at this moment."""

from __future__ import annotations

from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Node
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.transports.world import World


def look_at_node(node: Node, world: World, remembered: NodeFacts | None = None) -> NodeFacts:
    """The facts of one node now; ``remembered`` are from an earlier look.

    Raises:
        ClusterkitError: If the node cannot be reached, or has no Python.
    """
    task = LookAtNode(node, remembered)
    return task.read(world.perform(node.name, task.probe()))

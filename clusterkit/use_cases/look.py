"""What a node is at this moment."""

from __future__ import annotations

from clusterkit.facts import NodeFacts
from clusterkit.tasks.node_facts import LookAtNode
from clusterkit.transports.world import World


def look_at_node(look: LookAtNode, world: World) -> NodeFacts:
    """The facts of one node now.

    Raises:
        ClusterkitError: If the node cannot be reached, or has no Python.
    """
    return look.read(world.perform(look.node, look.probe()))

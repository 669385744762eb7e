"""What a node is at this moment."""

from __future__ import annotations

import json

from clusterkit.facts import NodeFacts
from clusterkit.model.cluster import Node
from clusterkit.tasks.node_facts import LookAtNode, read_facts
from clusterkit.transports.world import World


def look_at_node(node: Node, world: World) -> NodeFacts:
    """The facts of one node now.

    Raises:
        ClusterkitError: If the node cannot be reached, or has no Python.
    """
    seen = world.perform(node.name, LookAtNode(node).probe()).check()
    return read_facts(json.loads(seen.stdout))

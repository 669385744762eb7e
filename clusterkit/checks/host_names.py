"""No other node may be called what the head's machine calls itself.

mpirun would run that node's ranks on the head. All other names are free; nodes need not know them.
"""

from __future__ import annotations

from collections.abc import Mapping

from clusterkit.errors import ClusterkitError
from clusterkit.facts import NodeFacts

_HERE = "localhost"


def check_host_names(facts: Mapping[str, NodeFacts]) -> None:
    """Compare the head's host name, long and short, with the names of the other nodes.

    Raises:
        ClusterkitError: If a node has it; the first of ``facts`` is the head's.
    """
    head, *others = facts
    hostname = facts[head].hostname
    own = {_HERE, hostname, hostname.partition(".")[0]}
    if taken := [name for name in others if name in own]:
        raise ClusterkitError(
            f"{taken[0]}: the machine of the head, {head}, calls itself {hostname}, and mpirun "
            f"there would take {taken[0]} for itself. "
            f"Fix: give the node {taken[0]} another name, or make it the head"
        )

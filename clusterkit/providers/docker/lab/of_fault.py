"""What every task of a fault is about."""

from __future__ import annotations

from dataclasses import dataclass

from clusterkit.model.cluster import Cluster
from clusterkit.model.fault import Fault


@dataclass(frozen=True, slots=True)
class OfFault:
    """One container has a fault; with ``undone``, it has it no more."""

    cluster: Cluster
    fault: Fault
    undone: bool = False
    needs_answer: bool = True

    @property
    def node(self) -> str:
        """The node's name."""
        return self.fault.node

"""What ``lab`` answers: what was made, broken or healed, and what is broken now."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from clusterkit.model.base import Model
from clusterkit.model.fault import Fault, FaultKind
from clusterkit.results.ls import ListedCluster
from clusterkit.results.plan import AppliedStep, DownResult, UpResult


class LabFault(Model):
    """One fault that a look saw; nothing of it is remembered anywhere."""

    node: str
    kind: FaultKind
    words: str = Field(description="As it is typed", examples=["partition node1 node3"])

    @classmethod
    def of(cls, fault: Fault) -> LabFault:
        """The public part of ``fault``."""
        return cls(node=fault.node, kind=fault.kind, words=str(fault))


class LabResult(Model):
    """``up`` and ``down`` have the result of the verb of that name, ``ls`` has ``labs``.

    The others have the ``steps`` that were applied, and the ``faults`` that are there now.
    """

    action: Literal["up", "ls", "fault", "faults", "heal", "down"]
    cluster: str | None = None
    up: UpResult | None = None
    down: DownResult | None = None
    labs: tuple[ListedCluster, ...] = ()
    steps: tuple[AppliedStep, ...] = ()
    faults: tuple[LabFault, ...] = ()
    unseen: dict[str, str] = Field(
        default={}, description="Nodes into which nobody could look, and why"
    )
    took_s: float = Field(description="Seconds")

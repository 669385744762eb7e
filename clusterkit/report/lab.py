"""``lab``: what was made, broken or healed, and what is broken now."""

from __future__ import annotations

from clusterkit.quantities import duration
from clusterkit.report.ls import ls_text
from clusterkit.report.plan import down_text, up_text
from clusterkit.report.tables import Blocks, signed
from clusterkit.results.lab import LabResult
from clusterkit.results.ls import LsResult


def lab_text(lab: LabResult, *, wide: bool = False) -> Blocks:
    """The text of the verb that it amounts to; else each step, and the faults that are there."""
    if lab.up is not None:
        return [*up_text(lab.up, wide=wide), "`clusterkit lab fault` breaks it."]
    if lab.down is not None:
        return down_text(lab.down, wide=wide)
    if lab.action == "ls":
        return ls_text(LsResult(clusters=lab.labs), wide=wide) if lab.labs else [_NONE]
    blocks = [signed("~", f"{step.node}: {step.summary}") for step in lab.steps]
    unseen = [f"{node}: cannot be looked into: {why}" for node, why in lab.unseen.items()]
    if lab.faults:
        now = ["Faults now:", *(f"  {fault.words}" for fault in lab.faults)]
    else:
        now = [f"No faults in {lab.cluster} now."]
    return [*blocks, *now, *unseen, f"{duration(lab.took_s)}"]


_NONE = "No labs. `clusterkit lab up` makes one."

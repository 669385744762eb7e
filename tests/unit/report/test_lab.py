from __future__ import annotations

from clusterkit.results.lab import LabFault, LabResult
from clusterkit.results.plan import AppliedStep
from tests.unit.report.streams import shown, text

STEP = AppliedStep(
    node="node1", stage="fault", kind="command", summary="drop what goes to node3", took_s=0.1
)
FAULT = LabFault(node="node1", kind="partition", words="partition node1 node3")


def test_what_was_done_and_what_is_broken_now():
    lab = LabResult(action="fault", cluster="lab", steps=(STEP,), faults=(FAULT,), took_s=0.5)
    assert shown(lab) == text("""
        ~ node1: drop what goes to node3
        Faults now:
          partition node1 node3
        0.50 s
        """)


def test_nothing_is_broken_and_a_node_that_cannot_be_looked_into_is_told():
    lab = LabResult(action="faults", cluster="lab", unseen={"node2": "gone"}, took_s=0.5)
    assert shown(lab) == text("""
        No faults in lab now.
        node2: cannot be looked into: gone
        0.50 s
        """)


def test_no_labs():
    assert shown(LabResult(action="ls", took_s=0)) == text("""
        No labs. `clusterkit lab up` makes one.
        """)

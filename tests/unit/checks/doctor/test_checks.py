from __future__ import annotations

from pathlib import Path

from clusterkit.checks import doctor
from clusterkit.checks.doctor import BEFORE_JOBS, CHECKS, OF_FACTS, examine, failures
from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Seen
from tests.unit.checks.doctor.wells import (
    NAMES,
    WELL,
    without,
)

NOT_CHECKS = {"__init__", "finding", "seen", "install"}


def test_every_check_has_a_file_and_every_file_is_a_check():
    folder = Path(str(doctor.__file__)).parent
    files = {path.stem for path in folder.glob("*.py")} - NOT_CHECKS
    assert {name.replace("-", "_") for name in CHECKS} == files
    assert {*OF_FACTS, *BEFORE_JOBS} <= CHECKS.keys()
    assert len({check.LOOKS_AT for check in CHECKS.values()}) == len(CHECKS)


def test_a_cluster_that_is_well_has_no_line_that_fails_or_warns():
    states = {line.check: line.finding.state for line in examine(WELL)}

    skipped = {name for name, state in states.items() if state == "skip"}
    assert skipped == {"docker-engine", "nvidia-toolkit", "image", "gpus", "nccl"}
    assert set(states.values()) == {"pass", "skip"}
    assert list(states) == list(CHECKS)


def test_nothing_at_all_was_seen():
    lines = examine(Seen(WELL.cluster, WELL.nodes, silent=dict.fromkeys(NAMES, "no route")))

    (line,) = failures(lines)
    assert (line.check, line.looks_at, line.finding) == (
        "reached",
        "login from here",
        Finding(
            "fail",
            NAMES,
            "no route",
            "look at the machine, its sshd and the way there; `clusterkit up INVENTORY` mends a "
            "node",
        ),
    )


def test_a_silent_node_is_left_out_of_the_others_lines():
    some = without("node3", "node3 did not answer. Fix: look")

    assert [(line.check, line.finding) for line in failures(examine(some))] == [
        ("reached", Finding("fail", ("node3",), "node3 did not answer", "look"))
    ]

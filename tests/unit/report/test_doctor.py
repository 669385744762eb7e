from __future__ import annotations

from clusterkit.results.doctor import DoctorLine, DoctorResult
from tests.unit.report.streams import shown

LINES = (
    DoctorLine(
        check="reached", looks_at="login from here", state="pass", nodes=("n1", "n2"), seen="yes"
    ),
    DoctorLine(
        check="docker-engine",
        looks_at="Docker engine",
        state="fail",
        nodes=("n1", "n2"),
        seen="Docker is not installed",
        fix="sudo apt-get update\nsudo apt-get install -y docker-ce",
    ),
    DoctorLine(
        check="clock",
        looks_at="clocks",
        state="warn",
        nodes=("n2",),
        seen="2.0 s ahead of the others",
        fix="run NTP there",
    ),
    DoctorLine(check="gpus", looks_at="GPUs", state="skip", nodes=("n1", "n2"), seen="no GPU"),
    DoctorLine(check="nccl", looks_at="NCCL", state="skip", nodes=("n1",), seen="no GPU"),
)


def result(**changes: object) -> DoctorResult:
    made = DoctorResult(
        cluster="lab", ok=False, nodes=("n1", "n2"), lines=LINES, at="2026-11-20", took_s=1.24
    )
    return made.model_copy(update=changes)


TABLE = """\
      LOOKED AT        NODES   SEEN                       FIX
pass  login from here  n[1-2]  yes
FAIL  Docker engine    n[1-2]  Docker is not installed    (1)
warn  clocks           n2      2.0 s ahead of the others  (2)
skip  GPUs, NCCL       -       no GPU

(1)  n[1-2]: run there
     sudo apt-get update
     sudo apt-get install -y docker-ce
(2)  n2: run NTP there

lab: not fit · 1 fail, 1 warn, 1 pass, 2 skip · 1.2 s
"""


def test_every_line_is_a_row_and_fixes_stand_below():
    assert shown(result()) == TABLE


def test_a_closed_gate_is_told():
    told = "The gate is closed: `build` and `infer` refuse without `--force`.\n"
    assert shown(result(gated=True)) == TABLE + told


def test_wide_names_the_checks():
    wide = shown(result(), output="wide")
    assert [line.split()[:2] for line in wide.splitlines()[1:6]] == [
        ["pass", "reached"],
        ["FAIL", "docker-engine"],
        ["warn", "clock"],
        ["skip", "gpus"],
        ["skip", "nccl"],
    ]


def test_a_cluster_that_is_fit_has_nothing_below_the_table():
    fit = shown(result(ok=True, lines=LINES[:1]))
    assert fit.splitlines()[2:] == ["", "lab: fit · 0 fail, 0 warn, 1 pass, 0 skip · 1.2 s"]

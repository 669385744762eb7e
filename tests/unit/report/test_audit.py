"""How ``audit`` reads."""

from __future__ import annotations

from clusterkit.results.audit import AuditEntry, AuditResult
from tests.unit.report.streams import shown, text

UP = AuditEntry(
    id="1",
    at="2026-11-20T15:37:46.120+00:00",
    user="ann",
    host="laptop",
    pid=4711,
    cluster="pair",
    verb="up",
    options={"file": "/home/ann/pair.yaml"},
    outcome="done",
    exit_code=0,
    took_s=4.2,
    version="0.1.0",
)
INFER = UP.model_copy(
    update={
        "verb": "infer",
        "options": {"prompt": "***", "pp": 2, "raw": True},
        "outcome": "failed",
        "exit_code": 124,
    }
)


def test_a_row_for_each_and_why_the_cluster_was_not_asked() -> None:
    result = AuditResult(cluster="pair", entries=(UP, INFER), unheard="node1: away\nFix: x")
    assert shown(result, width=None) == text("""
        WHEN (UTC)           WHO         VERB   OUTCOME        TOOK  OPTIONS
        2026-11-20 15:37:46  ann@laptop  up     done          4.2 s  file=/home/ann/pair.yaml
        2026-11-20 15:37:46  ann@laptop  infer  failed (124)  4.2 s  prompt=*** pp=2 raw=yes
        Only what was noted on this machine: node1: away
    """)


def test_wide_adds_the_process() -> None:
    lines = shown(AuditResult(cluster="pair", entries=(UP,)), "wide", None).splitlines()
    assert [line.split()[-2:] for line in lines] == [["PID", "VERSION"], ["4711", "0.1.0"]]


def test_nothing() -> None:
    assert shown(AuditResult(cluster="pair")) == "Nothing was noted of cluster pair.\n"

from __future__ import annotations

import json

from clusterkit.events import JobStarted, NodeLost, Note, RankOutput
from clusterkit.report.run import RunView
from clusterkit.results.run import RunRank, RunResult
from tests.unit.report.streams import Streams, shown, text

EVENTS = (
    JobStarted("run-7f3a2c"),
    RankOutput(1, "stdout", "[b]one"),
    RankOutput(0, "stderr", "a warning"),
    Note("eth1 is slow", "node2"),
    RankOutput(0, "stdout", ""),
    NodeLost("node2", "no heartbeat"),
)
RESULT = RunResult(
    cluster="pair",
    job="run-7f3a2c",
    script="train.py",
    launcher="torchrun",
    ranks=(
        RunRank(rank=0, node="node1", local_rank=0, stdout="a\nb\n", stderr="w\n"),
        RunRank(rank=1, node="node2", local_rank=0, device=3, stdout="c"),
    ),
    took_s=3.71,
)


def watched(ranks, output="text"):
    streams = Streams(output)
    view = RunView(streams.printer, ranks)
    for event in EVENTS:
        view(event)
    view.summary(RESULT)
    return streams


def test_lines_lead_with_their_rank_and_keep_their_stream():
    streams = watched(2)

    assert streams.out == "rank 1   | [b]one\nrank 0   | \n"
    assert streams.err == text("""
        rank 0   | a warning
        Note: node2: eth1 is slow
        node2: lost: no heartbeat
        run-7f3a2c · 2 ranks on node[1-2] · torchrun · 3.7 s
    """)


def test_a_single_rank_needs_no_name():
    assert watched(1).out == "[b]one\n\n"


def test_json_comes_alone():
    assert watched(2, "json").out == ""
    assert json.loads(shown(RESULT, "json")) == {
        "cluster": "pair",
        "job": "run-7f3a2c",
        "script": "train.py",
        "launcher": "torchrun",
        "ranks": [
            {
                "rank": 0,
                "node": "node1",
                "local_rank": 0,
                "device": None,
                "stdout": "a\nb\n",
                "stderr": "w\n",
            },
            {
                "rank": 1,
                "node": "node2",
                "local_rank": 0,
                "device": 3,
                "stdout": "c",
                "stderr": "",
            },
        ],
        "took_s": 3.71,
        "attempts": 1,
        "replaced": [],
    }


def test_as_text_rank_by_rank():
    assert shown(RESULT) == "rank 0   | a\nrank 0   | b\nrank 1   | c\n"

"""What is asked of `run`: all that is wrong with it is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from clusterkit.errors import UsageError
from clusterkit.model.run_options import RunOptions
from clusterkit.use_cases.run_script import asked_for
from tests.unit.pair import node, pair

CLUSTER = pair(nodes=(node(1, slots=2), node(2, slots=1)))


def refused(**options: Any) -> str:
    with pytest.raises(UsageError) as caught:
        asked_for(CLUSTER, RunOptions(**options))
    return str(caught.value)


def test_places_and_script_are_told_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    assert refused(script=Path("no.py"), files=(Path("a"),), nodes="node9").splitlines() == [
        "no node is called `node9`. Fix: did you mean `node2`? The nodes are node[1-2]",
        "no.py: there is no such file here. Fix: give the path of a file, or one on the nodes",
        "a: there is no such file here. Fix: check the path",
    ]


def test_chosen_nodes_are_not_said_to_be_the_cluster():
    assert refused(script=Path("/shared/a.py"), nodes="node2", ranks=2) == (
        "2 ranks do not fit on node2: there are slots for 1. Fix: ask for fewer, choose more "
        "nodes with `--nodes`, or raise `slots`"
    )

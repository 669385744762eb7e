"""Whose state made a thing, and whether that state still knows its cluster."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from clusterkit.state.maker import knows, maker, state_of_maker


def test_a_label_leads_back_to_the_state_of_this_user_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTERKIT_HOME", str(tmp_path))
    label = maker()

    assert state_of_maker(label) == tmp_path
    for key, value in (
        ("user", str(os.getuid() + 1)),
        ("host", "elsewhere"),
        ("machine", "another"),
        ("state", "relative"),
    ):
        assert state_of_maker(json.dumps(json.loads(label) | {key: value})) is None
    for damaged in ("", "{", "[]", "{}", json.dumps({"state": None})):
        assert state_of_maker(damaged) is None


def test_a_state_knows_a_cluster_by_its_record_or_by_a_run_that_may_go_on(tmp_path: Path) -> None:
    for name, file in (("a", "applied.json"), ("b", "journal.jsonl"), ("c", "lock.json")):
        (tmp_path / "clusters" / name).mkdir(parents=True)
        (tmp_path / "clusters" / name / file).write_text("{}")

    assert [knows(tmp_path, name) for name in "abcd"] == [True, True, False, False]
    assert not knows(tmp_path / "gone", "a")

"""Records of jobs that somebody or something damaged: they are none, and hide no others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterkit.payloads.job_files import states

WHOLE = {"state": "done", "started_at": 1.8e9, "supervisor": {"pid": 1, "birth": "1"}}


@pytest.mark.parametrize(
    "text",
    [
        *("", "garbage", "[]", '{"x": 1}', "3"),
        *(
            json.dumps(WHOLE | {"started_at": value})
            for value in (1e300, -5, float("nan"), "x", None)
        ),
    ],
)
def test_a_damaged_record_is_none(tmp_path: Path, text: str) -> None:
    for name, content in (("run-000001", text), ("run-000002", json.dumps(WHOLE))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "state.json").write_text(content)

    assert states(tmp_path) == [WHOLE]

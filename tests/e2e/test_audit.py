"""What operators did is seen by the other one, and stays after the cluster is gone."""

from __future__ import annotations

import json
import shutil

from tests.e2e.controller import Controller, Done
from tests.e2e.pair import Pair

SECRET = "canary-91c"  # noqa: S105 - looked for where it must not be


def noted(done: Done) -> list[tuple[str, str]]:
    assert done.returncode == 0, done.stderr
    return [(row["verb"], row["outcome"]) for row in json.loads(done.stdout)["entries"]]


def test_two_operators_see_what_both_did(described: Pair):
    described.describe(container={"image": described.image, "env": {"API_TOKEN": SECRET}})
    described.up()
    other = Controller(described.folder / "other", described.engine, {described.name})
    try:
        assert other("up", described.file, "--yes").returncode == 0
        failed = other("run", "--", "/nowhere/none.py", SECRET)
        both = other("audit", "-o", "json")
        again = described("up", described.file, "--yes")
        mine = described("audit", "-n", "1", "-o", "json")
        shutil.rmtree(other.home / "audit")
        there = other("audit", "-o", "json")
    finally:
        other.close()
    gone = described("audit", "-c", described.name, "-o", "json")
    text = described("audit", "-c", described.name)

    assert (failed.returncode != 0, again.returncode) == (True, 0)
    assert noted(both)[:2] == [("up", "done"), ("up", "done")]
    assert noted(mine) == [("up", "done")]
    assert noted(there)[-1] == ("up", "done")
    assert json.loads(both.stdout)["unheard"] is None
    assert [verb for verb, _ in noted(gone)] == ["up", "up"]
    assert json.loads(gone.stdout)["unheard"] is not None
    assert "Only what was noted on this machine: " in text.stdout
    kept = "".join(path.read_text() for path in described.controller.home.rglob("*.jsonl"))
    assert SECRET not in both.stdout + there.stdout + kept

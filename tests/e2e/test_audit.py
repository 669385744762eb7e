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
        shutil.rmtree(other.home / "audit")
        there = other("audit", "-o", "json")
    finally:
        other.close()
    mine = described("audit", "-c", described.name, "-n", "1", "-o", "json")
    text = described("audit", "-c", described.name)

    assert failed.returncode == 2
    assert noted(there) == [("up", "done"), ("up", "done"), ("run", "failed")]
    assert json.loads(there.stdout)["unheard"] is None
    assert noted(mine) == [("up", "done")]
    assert json.loads(mine.stdout)["unheard"] is not None
    assert "Only what was noted on this machine: " in text.stdout
    kept = "".join(path.read_text() for path in described.controller.home.rglob("*.jsonl"))
    assert SECRET not in there.stdout + kept


def test_it_is_still_read_after_down(described: Pair):
    described.up()
    described("down", "--yes")

    assert noted(described("audit", "-o", "json")) == [("up", "done"), ("down", "done")]

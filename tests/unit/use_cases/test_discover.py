from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.command import Step
from clusterkit.errors import UsageError
from clusterkit.model.describe_options import DiscoverOptions
from clusterkit.tasks.machine_facts import look_at_machine
from clusterkit.use_cases.discover import discover, discover_steps


def test_a_dry_run_is_one_look_for_each_machine():
    options = DiscoverOptions(hosts=("me@gpu[1-2]", "gpu3"), port=2222)

    assert discover_steps(options) == [
        Step(name, "look at the machine", look_at_machine(), stage="reach")
        for name in ("me@gpu1:2222", "me@gpu2:2222", "gpu3:2222")
    ]


@pytest.mark.parametrize(
    ("out", "problem"), [("no/lab.yaml", "no is no folder"), ("taken.yaml", "taken.yaml exists")]
)
def test_a_file_that_cannot_be_written_is_refused_before_any_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, problem: str
):
    monkeypatch.chdir(tmp_path)
    Path("taken.yaml").touch()

    with pytest.raises(UsageError, match=problem):
        discover(DiscoverOptions(hosts=("nobody.invalid",), out=Path(out)))

from __future__ import annotations

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
    ("options", "problem"),
    [
        ({"subnet": "10.0.0.1/24"}, "--subnet: `10.0.0.1/24` is not an IPv4 subnet"),
        ({"out": "nowhere/lab.yaml"}, "nowhere is no folder"),
        ({"out": "pyproject.toml"}, "pyproject.toml exists"),
    ],
)
def test_what_could_only_fail_afterwards_is_refused_before(
    options: dict[str, str], problem: str, monkeypatch: pytest.MonkeyPatch, request
):
    monkeypatch.chdir(request.config.rootpath)

    with pytest.raises(UsageError, match=problem.split(":")[0]):
        discover(DiscoverOptions(hosts=("nobody.invalid",), **options))

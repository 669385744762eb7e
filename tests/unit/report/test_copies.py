"""Where each node has a copy of the model of its own."""

from __future__ import annotations

import pytest

from clusterkit.results.models import BuildResult
from clusterkit.results.status import ModelStatus, StatusResult
from tests.unit.report.streams import shown


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ({"n1": "ready", "n2": "ready"}, "ready"),
        ({"n1": "ready", "n2": "absent", "n3": "absent"}, "ready on n1, absent on n[2-3]"),
        ({"n1": "damaged", "n2": "ready"}, "damaged on n1, ready on n2"),
    ],
)
def test_status_says_where_the_model_is_if_not_everywhere(states, told: str):
    worst = next((state for state in states.values() if state != "ready"), "ready")
    model = ModelStatus(name="m", state=worst, nodes=states)
    status = StatusResult(cluster="lab", provider="ssh", nodes=(), model=model, took_s=0.1)

    assert f"model    m: {told}\n" in shown(status, width=None)


def test_build_says_to_which_nodes_it_copied():
    build = BuildResult(
        cluster="lab",
        model="m",
        folder="/scratch/m",
        digest="ab" * 32,
        changed=True,
        copied_to=("n2", "n3"),
        size_bytes=1024,
        took_s=2,
    )

    assert shown(build, width=None) == (
        "Model m is ready in /scratch/m (1.0 KiB): built in 2.0 s, copied to n[2-3].\n"
    )

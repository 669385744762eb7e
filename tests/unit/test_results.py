from __future__ import annotations

import pytest
from pydantic import ValidationError

from clusterkit.command import Command, DockerCall, Put, Step
from clusterkit.results.dry_run import DryRun
from clusterkit.results.plan import PlannedStep, PlanResult
from clusterkit.results.schemas import RESULTS, schema

STEPS = (
    Step("node1", "create container pair-node1", DockerCall("create", "pair-node1"), "+", "nodes"),
    Step("node1", "write the hostfile", Put("/x/hostfile", b"node1 slots=2\n"), stage="mpi"),
    Step("node2", "end sshd", Command(("end", "7"), {"HF_TOKEN": "x", "A": "b"}), "-", "trust"),
)


def test_a_plan_reads_back_as_it_was_written():
    plan = PlanResult(
        cluster="pair", changes=3, steps=tuple(PlannedStep.of(step) for step in STEPS)
    )

    assert PlanResult.model_validate_json(plan.model_dump_json()) == plan
    assert [(step.kind, step.sign) for step in plan.steps] == [
        ("docker", "+"),
        ("put", "~"),
        ("command", "-"),
    ]


def test_a_dry_run_has_words_and_hides_secrets():
    assert DryRun.of("up", STEPS).model_dump(mode="json") == {
        "verb": "up",
        "steps": [
            {
                "node": "node1",
                "stage": "nodes",
                "kind": "docker",
                "summary": "create container pair-node1",
                "argv": ["create", "pair-node1"],
                "env": {},
            },
            {
                "node": "node1",
                "stage": "mpi",
                "kind": "put",
                "summary": "write the hostfile",
                "argv": ["/x/hostfile"],
                "env": {},
            },
            {
                "node": "node2",
                "stage": "trust",
                "kind": "command",
                "summary": "end sshd",
                "argv": ["end", "7"],
                "env": {"HF_TOKEN": "***", "A": "b"},
            },
        ],
    }


@pytest.mark.parametrize("name", sorted(RESULTS))
def test_every_result_has_a_schema_that_forbids_unknown_keys(name):
    assert schema(name)["title"] == RESULTS[name].__name__
    assert schema(name)["additionalProperties"] is False


def test_a_result_takes_no_unknown_key():
    with pytest.raises(ValidationError, match="Extra inputs"):
        PlanResult(cluster="pair", changes=0, colour="red")

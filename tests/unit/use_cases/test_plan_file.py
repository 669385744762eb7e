"""What an agreed plan permits, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from clusterkit.command import Command, Step
from clusterkit.errors import PlanDiffers
from clusterkit.results.plan import PlannedStep, PlanResult, Settled
from clusterkit.results.plan_file import PlanFile
from clusterkit.use_cases.plan_file import Agreed

STEP = Step("node1", "make a", Command(("a",)), "+", "nodes")
OTHER = Step("node2", "make b", Command(("b",)), "+", "nodes")
UNKNOWN = "node1: mpi <known after nodes>"
ROW = Settled(node="node1", stage="machines", summary="is there")
AGAIN = "Fix: look at it anew with `clusterkit plan INVENTORY --out FILE`"


def planned(*steps: Step, unknown: tuple[str, ...] = (UNKNOWN,), **more: object) -> PlanResult:
    rows = tuple(PlannedStep.of(step) for step in steps)
    return PlanResult(cluster="pair", changes=len(rows), steps=rows, unknown=unknown, **more)


def agreed(plan: PlanResult) -> Agreed:
    file = PlanFile(clusterkit="1", made_at="", inventory="/x", inventory_sha256="", plan=plan)
    return Agreed(file)


def test_its_own_steps_and_what_could_not_be_known_are_permitted() -> None:
    plan = agreed(planned(STEP))

    plan.permit(STEP)
    plan.permit(Step("node1", "whatever it takes", Command(("c",)), stage="mpi"))


@pytest.mark.parametrize(
    "step",
    [
        OTHER,
        Step("node1", "make a", Command(("a",)), "-", "nodes"),
        Step("node11", "whatever it takes", Command(("c",)), stage="mpi"),
    ],
)
def test_any_other_step_is_not(step: Step) -> None:
    with pytest.raises(PlanDiffers) as caught:
        agreed(planned(STEP)).permit(step)

    assert (str(caught.value), caught.value.exit_code) == (
        f"{step.node}: `{step.summary}` is not in the plan, and was not done. "
        f"What was in it before that is done. {AGAIN}",
        6,
    )


def test_in_which_order_nodes_answered_says_nothing() -> None:
    agreed(planned(STEP, OTHER)).refuse_other_cluster(planned(OTHER, STEP))


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (planned(OTHER, settled=(ROW,)), ["- node1: nodes: + make a", "+ node2: nodes: + make b"]),
        (planned(STEP), ["- node1: machines: = is there"]),
        (planned(STEP, settled=(ROW,), unknown=()), [f"- {UNKNOWN}"]),
    ],
)
def test_what_differs_is_told(now: PlanResult, told: list[str]) -> None:
    with pytest.raises(PlanDiffers) as caught:
        agreed(planned(STEP, settled=(ROW,))).refuse_other_cluster(now)

    head = "cluster pair has changed since the plan was made (- then, + now):"
    assert str(caught.value).splitlines() == [head, *told, AGAIN]


def test_of_a_version_or_inventory_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(PlanDiffers, match=r"^the plan was made by clusterkit 1, and this is"):
        agreed(planned(STEP)).refuse_other_inventory()

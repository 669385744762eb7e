"""Plans in files: ``plan --out`` writes one, and ``up --from-plan`` does that and nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from clusterkit import __version__
from clusterkit.command import Step
from clusterkit.errors import PlanDiffers, UsageError
from clusterkit.results.plan import PlannedStep, PlanResult
from clusterkit.results.plan_file import PlanFile
from clusterkit.state.files import write
from clusterkit.state.journal import digest_of

_SHOWN = 20
_AGAIN = "Fix: look at it anew with `clusterkit plan INVENTORY --out FILE`"


def save_plan(planned: PlanResult, inventory: Path, out: Path) -> None:
    """Write a plan; over another plan, and over nothing else.

    Raises:
        UsageError: If something else is there.
    """
    refuse_other_file(out)
    file = PlanFile(
        clusterkit=__version__,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        inventory=str(inventory.absolute()),
        inventory_sha256=digest_of(inventory) or "",
        plan=planned,
    )
    write(out, file.model_dump_json(indent=2).encode() + b"\n")


def refuse_other_file(out: Path) -> None:
    """Keep what is no plan from being written over."""
    if out.exists():
        try:
            load_plan(out)
        except UsageError:
            raise UsageError(
                f"{out} is there already, and is no plan. Fix: choose another `--out`"
            ) from None


def load_plan(file: Path) -> PlanFile:
    """The plan in a file.

    Raises:
        UsageError: If there is none.
    """
    try:
        return PlanFile.model_validate_json(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}. {_AGAIN}") from error
    except ValidationError as error:
        raise UsageError(f"{file} is no plan that this version wrote. {_AGAIN}") from error


class Agreed:
    """A plan that was looked at by somebody; only what it says may be done."""

    def __init__(self, file: PlanFile) -> None:
        self.inventory = Path(file.inventory)
        self._file = file
        self._steps = {_key(step) for step in file.plan.steps}

    def refuse_other_inventory(self) -> None:
        """The plan is of one version and one inventory.

        Raises:
            PlanDiffers: If either is another now.
        """
        if self._file.clusterkit != __version__:
            raise PlanDiffers(
                f"the plan was made by clusterkit {self._file.clusterkit}, and this is "
                f"{__version__}. {_AGAIN}"
            )
        if digest_of(self.inventory) != self._file.inventory_sha256:
            raise PlanDiffers(f"{self.inventory} has changed since the plan was made. {_AGAIN}")

    def refuse_other_cluster(self, now: PlanResult) -> None:
        """What is seen now is what was seen then.

        Raises:
            PlanDiffers: With what differs.
        """
        then = self._file.plan
        gone = Counter(_lines(then)) - Counter(_lines(now))
        come = Counter(_lines(now)) - Counter(_lines(then))
        lines = [f"- {line}" for line in gone] + [f"+ {line}" for line in come]
        if lines:
            more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
            raise PlanDiffers(
                f"cluster {now.cluster} has changed since the plan was made (- then, + now):\n"
                + "\n".join([*lines[:_SHOWN], *more])
                + f"\n{_AGAIN}"
            )

    def permit(self, step: Step) -> None:
        """A step of the plan, or of a part that it says could not be known yet.

        Raises:
            PlanDiffers: If it is none.
        """
        is_unknown = any(
            line.startswith(f"{step.node}: {step.stage} ") for line in self._file.plan.unknown
        )
        if not is_unknown and _key(PlannedStep.of(step)) not in self._steps:
            raise PlanDiffers(
                f"{step.node}: `{step.summary}` is not in the plan, and was not done. What was in "
                f"it before that is done. {_AGAIN}"
            )


def _key(step: PlannedStep) -> tuple[str, ...]:
    return (step.node, step.stage, step.kind, step.sign, step.summary)


def _lines(plan: PlanResult) -> Iterable[str]:
    """Everything that a plan says, a line each; in which order nodes answered says nothing."""
    yield from (f"{s.node}: {s.stage}: {s.sign} {s.summary}" for s in plan.steps)
    for row in plan.settled:
        if not row.summary.startswith("<known after"):  # told with what is not known
            yield f"{row.node}: {row.stage}: = {row.summary}"
    yield from plan.unknown

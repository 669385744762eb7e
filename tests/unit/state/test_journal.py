"""What is written down of a run, and what is read of it when lines are missing or torn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clusterkit.command import Command, Step
from clusterkit.errors import ClusterkitError, Interrupted
from clusterkit.events import StepEnded, StepStarted
from clusterkit.results.plan import PlannedStep
from clusterkit.state.journal import Run, digest_of, journal_file, journaled, read_journal

ONE = Step("node1", "make a", Command(("a",), {"TOKEN": "hush"}), "+", "nodes")
TWO = Step("node2", "make b", Command(("b",)), "+", "nodes")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cluster"


def run(folder: Path, *events: object, error: BaseException | None = None) -> list[object]:
    heard: list[object] = []
    inventory = folder.parent / "pair.yaml"
    inventory.write_text("cluster: pair")
    with journaled(folder, "up", heard.append, inventory) as sink:
        for event in events:
            sink(event)
        if error:
            raise error
    return heard


def rows(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in journal_file(folder).read_text().splitlines()]


def test_steps_are_written_as_they_come_and_handed_on(folder: Path) -> None:
    events = (StepStarted(ONE), StepEnded(ONE, 0.25), StepStarted(TWO), StepEnded(TWO, 1, "no"))

    heard = run(folder, *events)

    assert heard == list(events)
    written = rows(folder)
    assert [(row["what"], row.get("summary"), row.get("took_s")) for row in written] == [
        ("begin", None, None),
        ("step", "make a", None),
        ("applied", "make a", 0.25),
        ("step", "make b", None),
        ("failed", "make b", 1),
        ("end", None, None),
    ]
    assert "hush" not in journal_file(folder).read_text()
    assert f"{journal_file(folder).stat().st_mode & 0o777:o}" == "600"
    (found,) = read_journal(folder)
    file = folder.parent / "pair.yaml"
    assert found == Run(
        verb="up",
        file=file,
        digest=digest_of(file),
        began_at=str(written[0]["at"]),
        applied=(PlannedStep.of(ONE),),
        unfinished=(),
        outcome="done",
    )


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ClusterkitError("no"), "failed"),
        (KeyError("a bug"), "failed"),
        (KeyboardInterrupt(), "interrupted"),
        (Interrupted("no"), "interrupted"),
    ],
)
def test_how_it_ended_is_written(folder: Path, error: BaseException, outcome: str) -> None:
    with pytest.raises(type(error)):
        run(folder, StepStarted(ONE), error=error)

    (found,) = read_journal(folder)
    assert (found.outcome, found.unfinished) == (outcome, (PlannedStep.of(ONE),))


def test_it_begins_anew_after_a_run_that_came_to_its_end(folder: Path) -> None:
    with pytest.raises(ClusterkitError):
        run(folder, StepStarted(ONE), error=ClusterkitError("no"))
    run(folder, StepStarted(ONE), StepEnded(ONE, 1))
    assert [each.outcome for each in read_journal(folder)] == ["failed", "done"]

    run(folder)

    assert [each.applied for each in read_journal(folder)] == [()]


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_torn_line_is_left_out_and_does_not_swallow_the_next(folder: Path, cut: int) -> None:
    with pytest.raises(ClusterkitError):
        run(folder, StepStarted(ONE), StepEnded(ONE, 1), error=ClusterkitError("no"))
    file = journal_file(folder)
    file.write_bytes(file.read_bytes()[:-cut])

    (before,) = read_journal(folder)
    run(folder, StepStarted(TWO), StepEnded(TWO, 1))

    assert before.applied == (PlannedStep.of(ONE),)
    *_, after = read_journal(folder)
    assert (after.applied, after.outcome) == ((PlannedStep.of(TWO),), "done")


@pytest.mark.parametrize(
    "damage",
    [b"", b"\xff\x00\n", b"[]\n", b"null\n", b'{"run": 1}\n', b'{"run": {}, "what": "begin"}\n'],
)
def test_what_cannot_be_read_is_no_run(folder: Path, damage: bytes) -> None:
    folder.mkdir()
    journal_file(folder).write_bytes(damage)

    assert read_journal(folder) == ()
    run(folder, StepStarted(ONE), StepEnded(ONE, 1))
    assert [each.outcome for each in read_journal(folder)] == ["done"]


def test_who_cannot_write_goes_on_without(folder: Path) -> None:
    journal_file(folder).mkdir(parents=True)

    assert run(folder, StepStarted(ONE)) == [StepStarted(ONE)]
    assert read_journal(folder) == ()


def test_one_that_was_removed_meanwhile_stays_so(folder: Path) -> None:
    with journaled(folder, "down", lambda _: None):
        journal_file(folder).unlink()
        folder.rmdir()

    assert not folder.exists()

from __future__ import annotations

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import (
    ClusterkitError,
    CommandFailed,
    CommandTimeout,
    DidNotConverge,
    DoesNotFit,
    FileMistakes,
    Interrupted,
    JobFailed,
    Locked,
    NodesFailed,
    NotOurs,
    ServerFailed,
    TransportError,
    UsageError,
)

SLEEP = Command(("sleep", "60"), timeout_s=1.5)
FAILED = CommandFailed(Result("n1", Command(("false",)), 1))
UNREACHABLE = TransportError("n1", "no route")
TIMEOUT = CommandTimeout("n1", SLEEP)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [
        (ClusterkitError("x"), 1),
        (UsageError("x"), 2),
        (FileMistakes(["x"]), 2),
        (DoesNotFit("x"), 2),
        (UNREACHABLE, 4),
        (TIMEOUT, 124),
        (FAILED, 1),
        (DidNotConverge("x"), 1),
        (NotOurs("x"), 1),
        (Locked("x"), 5),
        (JobFailed("x"), 1),
        (JobFailed("x", exit_code=124), 124),
        (ServerFailed("x"), 4),
        (ServerFailed("x", status=400), 2),
        (ServerFailed("x", status=503), 1),
        (Interrupted("x"), 130),
    ],
)
def test_the_exit_code_of_each_error(error, exit_code):
    assert error.exit_code == exit_code


@pytest.mark.parametrize(
    ("errors", "succeeded", "exit_code"),
    [
        ([UNREACHABLE, UNREACHABLE], 0, 4),
        ([UNREACHABLE], 1, 3),
        ([FAILED], 2, 3),
        ([TIMEOUT], 1, 3),
        ([TIMEOUT, TIMEOUT], 0, 124),
        ([FAILED, FAILED], 0, 1),
        ([UNREACHABLE, FAILED], 0, 1),
        ([UNREACHABLE, TIMEOUT], 0, 1),
        ([FAILED, TIMEOUT, UNREACHABLE], 1, 3),
    ],
)
def test_the_exit_code_of_many_nodes(errors, succeeded, exit_code):
    failures = {f"n{number}": error for number, error in enumerate(errors)}

    assert NodesFailed(failures, succeeded=succeeded).exit_code == exit_code


def test_every_failing_node_is_named_once_at_the_head_of_its_message():
    failures = {"n1": UNREACHABLE, "n2": ClusterkitError("disk full"), "n10": UNREACHABLE}

    assert str(NodesFailed(failures, succeeded=0)) == (
        "n1: no route\nn2: disk full\nn10: n1: no route"
    )


def test_a_timeout_says_what_was_ended_and_when():
    assert str(TIMEOUT) == "n1: ended after 1.5 s: sleep 60"


@pytest.mark.parametrize(
    ("stdout", "stderr", "tail"),
    [
        ("", "", ""),
        ("said", "", "\nsaid"),
        ("said", "complained\n", "\ncomplained"),
        ("", "\n".join(map(str, range(20))), "".join(f"\n{n}" for n in range(10, 20))),
    ],
)
def test_a_failed_command_shows_the_end_of_what_it_said(stdout, stderr, tail):
    result = Result("n1", Command(("make", "it")), 2, stdout, stderr)

    assert str(CommandFailed(result)) == f"n1: exit 2: make it{tail}"
    assert CommandFailed(result).result is result


def test_every_mistake_of_a_file_has_a_line():
    error = FileMistakes(["a:1: x", "a:2: y"])

    assert (str(error), error.problems) == ("a:1: x\na:2: y", ["a:1: x", "a:2: y"])

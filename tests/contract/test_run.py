"""Promises 1 to 5: what ``run`` does, wherever it runs."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import CommandTimeout
from tests.contract.conftest import Place, poll_until

WORDS = (
    "plain",
    "two words",
    "",
    "it's",
    'a "quoted" one',
    "$(touch /pwned) `id` $HOME",
    "line\nline\n",
    "* ? [a-z] {1,2}",
    "-n",
    "--",
    "ünï → 漢字 🎉",
    "back\\slash\\",
    "; exit 3 #",
    "a\tb\r",
    "!x ~ & | < >",
)


@pytest.mark.parametrize("code", [0, 1, 3, 124, 125, 126, 127, 137, 255])
def test_any_exit_code_is_data(place: Place, code: int) -> None:
    command = Command(("sh", "-c", f"echo out; echo err >&2; exit {code}"))

    result = place.transport.run(command)

    assert result == Result("here", command, code, "out\n", "err\n")


def test_words_arrive_as_they_are(place: Place) -> None:
    result = place.transport.run(Command(("printf", "[%s]", *WORDS)))

    assert result.stdout == "".join(f"[{word}]" for word in WORDS)


def test_env_is_added_as_it_is(place: Place) -> None:
    env = {f"VALUE_{number}": word for number, word in enumerate(WORDS)}
    show = "import os, sys; [sys.stdout.write('[' + os.environ[n] + ']') for n in sys.argv[1:]]"

    result = place.transport.run(Command(("python3", "-c", show, *env, "PATH"), env=env))

    assert result.stdout.startswith("".join(f"[{word}]" for word in WORDS))
    assert "/bin" in result.stdout.rsplit("[", 1)[1]


def test_a_program_that_is_not_there_exits_127(place: Place) -> None:
    result = place.transport.run(Command(("no-such-program", "x")))

    assert (result.exit_code, result.stdout) == (127, "")
    assert "no-such-program: not found" in result.stderr


def test_a_program_ended_by_signal_9_exits_137(place: Place) -> None:
    assert place.transport.run(Command(("sh", "-c", "kill -9 $$"))).exit_code == 137


def test_stdin_of_10_mb_arrives_and_comes_back(place: Place) -> None:
    stdin = os.urandom(5_000_000).hex().encode()

    result = place.transport.run(Command(("cat",), stdin=stdin))

    assert hashlib.sha256(result.stdout.encode()).digest() == hashlib.sha256(stdin).digest()


def test_a_program_may_leave_its_stdin_unread(place: Place) -> None:
    result = place.transport.run(Command(("sh", "-c", "exit 7"), stdin=b"x" * 5_000_000))

    assert result.exit_code == 7


def test_stdin_reads_nothing_when_none_is_given(place: Place) -> None:
    assert place.transport.run(Command(("wc", "-c"))).stdout.strip() == "0"


def test_both_streams_may_be_large_at_once(place: Place) -> None:
    write = (
        "import sys\nfor _ in range(50000): sys.stdout.write('o' * 99); sys.stderr.write('e' * 99)"
    )

    result = place.transport.run(Command(("python3", "-c", write)))

    assert (len(result.stdout), len(result.stderr)) == (4_950_000, 4_950_000)


def test_bytes_that_are_no_utf_8_are_replaced(place: Place) -> None:
    assert (
        place.transport.run(Command(("printf", r"a\377b"))).stdout == "a\N{REPLACEMENT CHARACTER}b"
    )


DEAF = "trap '' TERM; "


@pytest.mark.parametrize(
    ("own", "childs"),
    [("", ""), (DEAF, ""), ("", DEAF)],
    ids=["obedient", "stubborn", "stubborn child"],
)
def test_a_time_limit_ends_the_program_and_its_child(place: Place, own: str, childs: str) -> None:
    pids = f"{place.folder}/pids"
    child = f"sh -c \"{childs}echo \\$\\$ >> '$1'; sleep 61; sleep 62\""
    program = f'{own}echo $$ >> "$1"; {child} & wait; sleep 63'
    command = Command(("sh", "-c", program, "sh", pids), timeout_s=0.5)

    with pytest.raises(CommandTimeout) as raised:
        place.transport.run(command)

    assert str(raised.value) == f"here: ended after 0.5 s: {command}"
    found = place.transport.run(Command(("cat", pids))).check().stdout.split()
    assert len(found) == 2
    poll_until(lambda: not alive(place, *found))


def test_a_program_in_time_may_exit_as_timeout_does(place: Place) -> None:
    command = Command(("sh", "-c", "exit 124"), timeout_s=60)

    assert place.transport.run(command).exit_code == 124


def test_many_threads_share_one_transport(place: Place) -> None:
    def ask(number: int) -> str:
        return place.transport.run(
            Command(("sh", "-c", "cat; echo $1", "sh", str(number)), stdin=b"x")
        ).stdout

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(40)))

    assert answers == [f"x{number}\n" for number in range(40)]


def alive(place: Place, *pids: str) -> list[str]:
    """Those of ``pids`` that run there; one that has ended and waits for its parent does not."""
    look = 'for pid; do grep -qs "^State:.[^Z]" "/proc/$pid/status" && echo "$pid"; done; true'
    return place.transport.run(Command(("sh", "-c", look, "sh", *pids))).check().stdout.split()

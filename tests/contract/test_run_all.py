"""Several looks in one round trip answer as they do one by one."""

from __future__ import annotations

from clusterkit.command import Command
from tests.contract.conftest import Place

COMMANDS = (
    Command(("printf", "no newline")),
    Command(("sh", "-c", 'echo "$1"; echo "$2" >&2; exit 3', "sh", "a  b\n", "it's $(x)")),
    Command(("sh", "-c", 'printf %s "$A"'), env={"A": "x y\n'z'"}),
    Command(("cat",)),
    Command(("no-such-program-anywhere",)),
    Command(("sleep", "60"), timeout_s=0.2),
    Command(("true",)),
)


def test_every_command_has_its_own_answer(place: Place) -> None:
    together = place.transport.run_all(COMMANDS)

    assert [answer.command for answer in together] == list(COMMANDS)
    assert [answer.exit_code for answer in together] == [0, 3, 0, 0, 127, 124, 0]
    alone = [place.transport.run(command) for command in COMMANDS[:4]]
    assert together[:4] == alone
    assert "no-such-program-anywhere" in together[4].stderr
    assert together[6].stdout == together[6].stderr == ""

from __future__ import annotations

import pytest

from clusterkit.payloads.rsh import in_place_of_the_shell


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["A=/x;export A;/opt/bin/prted", "--prtemca", "uri", '"1.0;tcp://h:1"'],
            'A=/x;export A; exec /opt/bin/prted --prtemca uri "1.0;tcp://h:1"',
        ),
        (
            ["  A=/x ; export A ;   /opt/bin/orted", "-mca", "ess", '"env"'],
            '  A=/x ; export A ; exec /opt/bin/orted -mca ess "env"',
        ),
        (["prted", "--daemonize"], " exec prted --daemonize"),
    ],
)
def test_the_daemon_takes_the_place_of_its_shell(words: list[str], line: str) -> None:
    assert in_place_of_the_shell(words) == line

"""Ctrl-C here must not leave programs on nodes: what somebody waits for can be ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from clusterkit.command import Command
from tests.contract.conftest import Place, poll_until
from tests.contract.test_run import alive

_STUBBORN = 'trap "" TERM; echo $$ > "$1"; while :; do sleep 0.1; done'
_TAME = 'echo $$ > "$1"; exec sleep 1000'


@pytest.mark.parametrize(("program", "exit_code"), [(_TAME, 143), (_STUBBORN, 137)])
def test_programs_that_others_wait_for_are_ended(
    place: Place, program: str, exit_code: int
) -> None:
    pid_file = f"{place.folder}/pid"
    command = Command(("sh", "-c", program, "sh", pid_file))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(place.transport.run, command)
        poll_until(lambda: place.transport.run(Command(("test", "-s", pid_file))).ok)
        pid = place.transport.run(Command(("cat", pid_file))).stdout.strip()
        assert alive(place, pid) == [pid]

        place.transport.end_running()

        assert waiting.result(10).exit_code == exit_code

from __future__ import annotations

import pytest

from clusterkit.engines.tensorrt_llm.known_errors import explain
from clusterkit.use_cases.engine_running import why_it_failed

LOG = "/b/e.log on node1"
KILLED = (
    "a program was killed: the host ran out of memory, most likely, as every rank loads its part "
    "through it. Fix: a node with more memory, fewer ranks a node, or while building "
    "`workers: 1`; `dmesg` tells who was killed"
)


@pytest.mark.parametrize(
    ("told", "lines", "said"),
    [
        ("build was ended by SIGKILL", ["one", " "], f"build was ended by SIGKILL\none\n{KILLED}"),
        (
            "build exited with 1: no space is left in /s. Fix: free some",
            ["No space left on device"],
            "build exited with 1: no space is left in /s\nNo space left on device\nFix: free some",
        ),
        (
            "build exited with 9",
            [str(number) for number in range(20)],
            "build exited with 9\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n"
            f"Fix: mend what the lines above name; {LOG} has all of them",
        ),
        ("it was killed. Fix: more memory", [], "it was killed\nFix: more memory"),
    ],
)
def test_what_a_program_wrote_stands_before_the_fix(told: str, lines: list[str], said: str):
    assert why_it_failed(told, lines, LOG, explain) == said

from __future__ import annotations

import pytest

from clusterkit.payloads import reasons

RANK = {"rank": 3, "node": "node2", "exit_code": None, "signal": None}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"exit_code": 2}, "rank 3 on node2 exited with 2\nlast line"),
        ({"signal": "SIGSEGV"}, "rank 3 on node2 was ended by SIGSEGV\nlast line"),
        ({}, "rank 3 on node2 ended without a word: its wrapper was killed\nlast line"),
    ],
)
def test_rank_ended(changes: dict[str, object], words: str) -> None:
    assert reasons.rank_ended({**RANK, **changes}, ["last line"]) == words


def test_launcher_without_rulers() -> None:
    said = ["-----", "An option is wrong.", "", "-----"]

    assert reasons.launcher("node1", "exited with 1", said) == (
        "mpirun on node1 exited with 1\nAn option is wrong."
    )


def test_misplaced() -> None:
    hello = {"rank": 1, "size": 2, "local_rank": 1}

    assert reasons.misplaced(hello, "node1", {"node": "node2", "local_rank": 0}, 2) == (
        "mpirun put rank 1 of 2 on node1, local rank 1; planned: node2, local rank 0, of 2"
    )
    assert reasons.misplaced(hello, "node1", None, 1) == (
        "mpirun put rank 1 of 2 on node1, local rank 1; planned: nowhere, of 1"
    )


def test_time_limits() -> None:
    assert reasons.timed_out(1.5, [0]) == "ended after its time limit of 1.5 s; rank 0 still ran"
    assert reasons.not_started("node1", [4, 0, 1, 2], 60.0, None) == (
        "mpirun on node1 had not started ranks 0-2, 4 after 60 s"
    )
    assert reasons.not_started("node1", [0, 1], 60.0, "10.0.0.0/24") == (
        "mpirun on node1 had not started ranks 0-1 after 60 s. Its daemon on every node must "
        "reach node1 by TCP, at any port, within 10.0.0.0/24. "
        "Fix: let such connections through the nodes' firewalls"
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "exited with 0"), (3, "exited with 3"), (-9, "was ended by SIGKILL")],
)
def test_how_code(code: int, words: str) -> None:
    assert reasons.how_code(code) == words


REFUSED = """\
--------------------------------------------------------------------------
WARNING: An invalid value was given for btl_tcp_if_include.  This
value will be ignored.

  Local host: gpu07
  Value:      10.99.0.0/24
  Message:    Did not find interface matching this subnet
--------------------------------------------------------------------------
"""


def test_a_refused_setting() -> None:
    assert reasons.refused(REFUSED.splitlines(), {"gpu07": "node7"}) == (
        "node7: Open MPI cannot use btl_tcp_if_include = 10.99.0.0/24, and would go on without "
        "it: Did not find interface matching this subnet. Fix: correct "
        "OMPI_MCA_btl_tcp_if_include, where that node's environment sets it, or else "
        "`network.subnet` in the inventory"
    )
    assert reasons.refused(["An invalid value was given for x"], {}) is None


@pytest.mark.parametrize(
    ("names", "count", "who"),
    [(["a", "b"], 2, "every node"), (["a", "b"], 3, "a, b"), (["a"], 1, "a")],
)
def test_who_says_the_same(names: list[str], count: int, who: str) -> None:
    assert reasons.together(names, count) == who


MEMORY_FIX = (
    "Fix: give the node more memory, or each rank less to hold: more ranks for one model, a "
    "smaller model or batch"
)


@pytest.mark.parametrize(
    ("end", "limit_bytes", "words"),
    [
        ({"signal": "SIGKILL"}, 512 << 20, "was killed: its memory limit of 512 MiB was reached"),
        ({"exit_code": 137}, 3 << 29, "was killed: its memory limit of 1.5 GiB was reached"),
        ({"signal": "SIGKILL"}, None, "was killed: the machine's memory was used up"),
        (
            {"exit_code": 1},
            1 << 30,
            "exited with 1, after a process of its node was killed: its memory limit of 1 GiB was "
            "reached",
        ),
    ],
)
def test_killed_for_lack_of_memory(end: dict, limit_bytes: int | None, words: str) -> None:
    faults = {"memory": {"limit_bytes": limit_bytes}}
    assert reasons.rank_ended({**RANK, **end}, ["last line"], faults) == (
        f"rank 3 on node2 {words}\nlast line\n{MEMORY_FIX}"
    )


def gpu(number: int, **more: object) -> dict[str, object]:
    return {"pci": "0000:3b:00", "number": number, "words": "", "pid": None, "device": None} | more


def test_an_error_of_a_gpu() -> None:
    faults = {"gpus": [gpu(45), gpu(79, device="/dev/nvidia3")]}
    assert reasons.rank_ended({**RANK, "exit_code": 1}, ["last line"], faults) == (
        "rank 3 on node2 exited with 1, after an error of its node's GPU 0000:3b:00 "
        "(/dev/nvidia3): Xid 79: the GPU has fallen off the bus: power, heat or its slot\n"
        "last line\n"
        "Fix: look at the GPU with `nvidia-smi -q` on that node, and at its kernel log"
    )


def test_what_the_driver_only_cleans_up_or_counts_is_no_reason() -> None:
    end = {**RANK, "exit_code": 1}
    assert reasons.rank_ended(end, [], {"gpus": [gpu(45), gpu(63)]}) == (
        "rank 3 on node2 exited with 1"
    )


def test_where_ranks_hang_the_odd_one_first() -> None:
    waits = ("wait (c10d.py:7)", "main (t.py:3)")
    hanging = {0: waits, 1: waits, 2: ("no trace: `sleep` (pid 7) sleeps; it is no Python",)}
    nodes = {0: "node1", 1: "node1", 2: "node2", 3: "node2"}
    assert reasons.stalled(2.5, {**hanging, 3: waits}, ["node9"], nodes) == (
        "no rank wrote anything for 2.5 s, so the job was ended as stalled\n"
        "rank 2 on node2: no trace: `sleep` (pid 7) sleeps; it is no Python\n"
        "ranks 0-1, 3 on node1, node2: wait (c10d.py:7) < main (t.py:3)\n"
        "node9: its agent gave no traces in time"
    )

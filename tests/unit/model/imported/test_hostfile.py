from __future__ import annotations

import pytest

from clusterkit.model.imported.found import Remarks
from clusterkit.model.imported.hostfile import read_hostfile
from tests.unit.model.imported.reading import mistakes, rows

OPEN_MPI = """\
# the lab's machines
gpu1 slots=8 max_slots=16
gpu2 slots = 4    # the old one
ops@gpu3 slots=2
gpu2 slots=4
"""
MPICH = "node1:4\nnode2:4 binding=user:0,1 user=mpi\n[fe80::1]:2\n10.0.0.7:1\n"
DEEPSPEED = "worker-1 slots=4\nworker-2 slots=4\n"


def read(text: str) -> tuple[list[object], tuple[str, ...], list[str]]:
    remarks = Remarks()
    found = read_hostfile("hosts", text, remarks)
    assert found.groups == {}
    return list(rows(found)), remarks.texts(), mistakes(remarks)


def test_open_mpi():
    hosts, notes, wrong = read(OPEN_MPI)

    assert hosts == [
        ("gpu1", {"slots": 8}),
        ("gpu2", {"slots": 8}),
        ("gpu3", {"slots": 2, "user": "ops"}),
    ]
    assert notes == (
        "hosts:2: `max_slots` is not taken over. Fix: nothing, or set what it means with mpirun's "
        "own settings",
        "hosts:5: gpu2 is on line 3 as well: its slots are added, 8. Fix: if that is not meant, "
        "correct `slots` in the inventory",
    )
    assert wrong == []


def test_mpich_and_intel():
    hosts, notes, wrong = read(MPICH)

    assert hosts == [
        ("node1", {"slots": 4}),
        ("node2", {"slots": 4, "user": "mpi"}),
        ("fe80::1", {"slots": 2}),
        ("10.0.0.7", {"slots": 1}),
    ]
    assert [note.partition(". Fix")[0] for note in notes] == [
        "hosts:2: `binding` is not taken over"
    ]
    assert wrong == []


def test_deepspeed():
    assert read(DEEPSPEED) == (
        [("worker-1", {"slots": 4}), ("worker-2", {"slots": 4})],
        (),
        [],
    )


def test_ranges():
    assert read("gpu[08-10]:8\n")[0] == [(f"gpu{n}", {"slots": 8}) for n in ("08", "09", "10")]


@pytest.mark.parametrize("text", ["a\r\nb\r\n", "\n\n  a  \n\tb", "a # c\n#d\nb"])
def test_hosts_without_slots_have_one_and_it_is_said_once(text: str):
    hosts, notes, wrong = read(text)

    assert (hosts, wrong) == ([("a", {}), ("b", {})], [])
    assert len(notes) == 1
    assert notes[0].partition(": ")[2] == (
        "2 hosts without slots: MPI takes one for each core, here it is one. "
        "Fix: write `slots` into the inventory"
    )


def test_every_mistake_is_told():
    assert read("a slots=many\nb slots=0\nc slot4\n^d\n+n0\ne:\nf[3-1]\ng[1-99999] slots=1\n")[
        2
    ] == [
        "hosts:1: slots: `many` is no number from 1 to 1000000. Fix: correct slots",
        "hosts:2: slots: `0` is no number from 1 to 1000000. Fix: correct slots",
        "hosts:3: `slot4` means nothing behind a host. "
        "Fix: write `host slots=4`, one host on each line",
        "hosts:4: `^d` is no host. Fix: write `host`, `host slots=4` or `host:4`",
        "hosts:5: `+n0` is no host. Fix: write `host`, `host slots=4` or `host:4`",
        "hosts:6: slots: `` is no number from 1 to 1000000. Fix: correct slots",
        "hosts:7: `f[3-1]` cannot be read. Fix: write each host on a line of its own",
        "hosts:8: `g[1-99999]` means more than 10000 nodes. "
        "Fix: write each host on a line of its own",
    ]

from __future__ import annotations

from dataclasses import replace

import pytest

from clusterkit.checks.doctor import CHECKS
from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Clock, JobSeen
from clusterkit.checks.same_storage import NotShared
from clusterkit.facts import Disk, RdmaPort
from tests.unit.checks.doctor.wells import (
    GIB,
    NAMES,
    WELL,
    with_all_machines,
    with_facts,
    with_gpus,
    with_machine,
)

CASES = {
    "clock two minutes behind": (
        "clock",
        replace(WELL, clocks={**WELL.clocks, "node3": Clock(-119.9, 0.001)}),
        [
            (
                "fail",
                ("node3",),
                "120.0 s behind the others",
                "run NTP there: `sudo timedatectl set-ntp true`, or `chronyd`",
            ),
            ("pass", ("node1", "node2"), "within 0.001 s of each other", None),
        ],
    ),
    "clock two seconds ahead": (
        "clock",
        replace(WELL, clocks={**WELL.clocks, "node1": Clock(2.1, 0.001)}),
        [
            (
                "warn",
                ("node1",),
                "2.0 s ahead of the others",
                "run NTP there: `sudo timedatectl set-ntp true`, or `chronyd`",
            ),
            ("pass", ("node2", "node3"), "within 0.001 s of each other", None),
        ],
    ),
    "a slow way is held against no clock": (
        "clock",
        replace(WELL, clocks={**WELL.clocks, "node1": Clock(2.0, 1.5)}),
        [("pass", NAMES, "within 1.900 s of each other", None)],
    ),
    "of two clocks the one that differs from ours": (
        "clock",
        replace(WELL, clocks={"node1": Clock(120.0, 0.001), "node2": Clock(0.2, 0.001)}),
        [
            (
                "fail",
                ("node1",),
                "119.8 s ahead of the others",
                "run NTP there: `sudo timedatectl set-ntp true`, or `chronyd`",
            ),
            ("pass", ("node2",), "within 0.001 s of each other", None),
        ],
    ),
    "disk full": (
        "disk",
        replace(WELL, storage_free_bytes={"node1": 100 << 20, "node2": 2 * GIB}),
        [
            (
                "fail",
                ("node1",),
                "100 MiB at /mnt/shared",
                "free some, or take a larger disk; `clusterkit models rm` frees models of the "
                "cache here",
            ),
            (
                "warn",
                ("node2",),
                "2.0 GiB at /mnt/shared",
                "free some, or take a larger disk; `clusterkit models rm` frees models of the "
                "cache here",
            ),
            ("pass", ("node3",), "10.0 GiB at /scratch", None),
        ],
    ),
    "not the shared storage": (
        "storage",
        replace(WELL, not_shared=(NotShared("node2", "/mnt/shared is another", "mount it"),)),
        [
            ("fail", ("node2",), "/mnt/shared is another", "mount it"),
            (
                "pass",
                ("node1", "node3"),
                "/mnt/shared: what each writes, the head reads, and back",
                None,
            ),
        ],
    ),
    "the ring failed": (
        "ring",
        replace(WELL, ring=JobSeen(6, error="job doctor-1 timed out")),
        [
            (
                "fail",
                NAMES,
                "job doctor-1 timed out",
                "mend what failed above first; then see `clusterkit logs`",
            )
        ],
    ),
    "a rank of the ring is silent": (
        "ring",
        replace(WELL, ring=JobSeen(2, ({"rank": 0, "is_right": False, "took_s": 1.0},))),
        [
            (
                "fail",
                NAMES,
                "rank 1 did not answer; the token was wrong at rank 0",
                "mend what failed above first; then see `clusterkit logs`",
            )
        ],
    ),
    "small /dev/shm": (
        "shm",
        with_machine("node1", shm_bytes=16 << 20),
        [
            (
                "warn",
                ("node1",),
                "16.0 MiB",
                "set `container: {shm_size: 1g}` (or `ipc: host`) in the inventory; on a machine: "
                "`sudo mount -o remount,size=8g /dev/shm`",
            ),
            ("pass", ("node2", "node3"), "32.0 GiB", None),
        ],
    ),
    "small stack": (
        "stack",
        with_machine("node1", stack_bytes=1 << 20),
        [
            (
                "warn",
                ("node1",),
                "1.0 MiB",
                "set `container: {ulimits: {stack: 67108864}}` in the inventory; on a machine add "
                "`* - stack 65536` to /etc/security/limits.conf and log in again",
            ),
            ("pass", ("node2", "node3"), "8.0 MiB", None),
        ],
    ),
    "memory": (
        "memory",
        with_facts("node2", memory_available_bytes=200 << 20),
        [
            (
                "fail",
                ("node2",),
                "200 MiB",
                "end what fills it (`clusterkit exec NODE -- ps aux --sort -rss`), or give it "
                "fewer slots",
            ),
            ("pass", ("node1", "node3"), "60.0 GiB", None),
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_check_finds(case: str):
    check, seen, expected = CASES[case]

    assert CHECKS[check].find(seen) == [Finding(*row) for row in expected]


def test_a_limit_on_locked_memory_fails_where_rdma_is_active():
    port = RdmaPort("mlx5_0", state="ACTIVE")
    limited = with_machine(
        "node2", memlock_bytes=65536, has_dev_infiniband=True, rdma_ports=(port,)
    )
    states = [(each.state, each.nodes, each.seen) for each in CHECKS["memlock"].find(limited)]
    gpus = CHECKS["memlock"].find(
        with_gpus(with_all_machines(lambda its: replace(its, memlock_bytes=65536)))
    )

    assert states == [("fail", ("node2",), "64.0 KiB"), ("pass", ("node1", "node3"), "unlimited")]
    assert [(each.state, each.nodes) for each in gpus] == [("warn", NAMES)]
    assert CHECKS["memlock"].find(with_machine("node2", memlock_bytes=65536))[0].state == "pass"


def test_a_disk_that_tells_nothing_is_none():
    found = CHECKS["disk"].find(
        replace(
            with_all_machines(lambda its: replace(its, disks=(Disk("/x", 1, 9 * GIB),))),
            storage_free_bytes={},
        )
    )

    assert found == [Finding("pass", NAMES, "9.0 GiB at /x")]

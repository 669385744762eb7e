"""NCCL's words are as NCCL 2.2x prints them with NCCL_DEBUG=INFO."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from clusterkit.checks.doctor import nccl
from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import JobSeen, Seen
from clusterkit.facts import RdmaPort
from tests.unit.checks.doctor.wells import NAMES, WELL, with_all_machines, with_gpus

IB = (
    "gpu01:71:90 [0] NCCL INFO NET/IB : Using [0]mlx5_0:1/IB [RO]; OOB eth1:10.0.0.11<0>",
    "gpu01:71:90 [0] NCCL INFO Using network IB",
    "gpu01:71:95 [0] NCCL INFO Channel 00/0 : 7[7] -> 0[0] [receive] via NET/IB/0/GDRDMA",
    "gpu01:71:95 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[1] via P2P/CUMEM/read",
)
SOCKET = (
    "gpu01:71:90 [0] NCCL INFO NET/IB : No device found.",
    "gpu01:71:90 [0] NCCL INFO NET/Socket : Using [0]eth1:10.0.0.11<0>",
    "gpu01:71:90 [0] NCCL INFO Using network Socket",
    "gpu01:71:95 [0] NCCL INFO Channel 00/0 : 1[0] -> 0[0] [receive] via NET/Socket/0",
    "gpu01:71:95 [0] NCCL INFO Channel 00 : 0[0] -> 1[1] via SHM/direct/direct",
)
# As NCCL 2.28.9 said it on a machine without RDMA devices.
WITHOUT_DEVICES = (
    "vm:2055:2055 [0] NCCL INFO NET/IB : No device found.",
    "vm:2055:2055 [0] NCCL INFO NET/IB : Using [RO]; OOB eth0:192.0.2.2<0>",
    "vm:2055:2055 [0] NCCL INFO NET/Socket : Using [0]eth0:192.0.2.2<0>",
    "vm:2055:2055 [0] NCCL INFO Using network Socket",
)


def ran(lines: tuple[str, ...], *, bus: float = 360e9, **changes: Any) -> JobSeen:
    answer = {
        "is_right": True,
        "bytes": 256 << 20,
        "took_s": 0.001,
        "bus_bytes_per_s": bus,
        "lines": lines,
    }
    answers = tuple({**answer, "rank": rank} for rank in range(6))
    return replace(JobSeen(6, answers), **changes)


def with_rdma() -> Seen:
    ports = (RdmaPort("mlx5_0", state="ACTIVE"),)
    return with_gpus(with_all_machines(lambda its: replace(its, rdma_ports=ports)))


@pytest.mark.parametrize(
    ("lines", "paths"),
    [
        (IB, ["NET/IB", "P2P"]),
        (SOCKET, ["NET/Socket", "SHM"]),
        (SOCKET[:3], ["NET/Socket (unused)"]),
        (WITHOUT_DEVICES, ["NET/Socket (unused)"]),
        ((), []),
    ],
)
def test_what_carries_the_data(lines: tuple[str, ...], paths: list[str]):
    assert nccl.used_paths(lines) == paths


def test_rdma_that_is_used_passes_with_its_bandwidth():
    found = nccl.find(replace(with_rdma(), nccl=ran(IB)))

    text = "6 GPUs, 268.4 GB/s (bus 360.0 GB/s), over NET/IB, P2P"
    assert found == [Finding("pass", NAMES, text)]


def test_tcp_although_there_is_rdma_is_a_warning_and_else_passes():
    warned = nccl.find(replace(with_rdma(), nccl=ran(SOCKET)))
    passed = nccl.find(replace(with_gpus(WELL), nccl=ran(SOCKET)))

    assert [(each.state, each.seen) for each in (*warned, *passed)] == [
        ("warn", "6 GPUs, 268.4 GB/s (bus 360.0 GB/s), over NET/Socket, SHM"),
        ("pass", "6 GPUs, 268.4 GB/s (bus 360.0 GB/s), over NET/Socket, SHM"),
    ]
    assert str(warned[0].fix).startswith("RDMA devices are there and NCCL uses TCP: look at")


def test_one_gpu_alone_has_no_bus():
    alone = replace(ran((), bus=0.0), ranks=1, answers=ran((), bus=0.0).answers[:1])

    assert nccl.find(replace(with_gpus(), nccl=alone))[0].seen == (
        "1 GPUs, 268.4 GB/s, over one GPU alone"
    )


def test_a_wrong_sum_and_a_silent_rank_fail():
    answers = ran(IB).answers
    wrong = ran(IB, answers=({**answers[0], "is_right": False}, *answers[1:]))
    silent = ran(IB, answers=answers[:5])

    found = [nccl.find(replace(with_gpus(), nccl=each))[0] for each in (wrong, silent)]
    assert [(each.state, each.seen) for each in found] == [
        ("fail", "the sum was wrong at rank 0"),
        ("fail", "rank 5 did not answer"),
    ]

from __future__ import annotations

from clusterkit.payloads.nccl_allreduce import telling_lines

LOG = """\
gpu01:71:71 [0] NCCL INFO Bootstrap: Using eth1:10.0.0.11<0>
NCCL version 2.27.5+cuda12.9
gpu01:71:90 [0] NCCL INFO NET/Socket : Using [0]eth1:10.0.0.11<0>
gpu01:71:90 [0] NCCL INFO Using network Socket
gpu01:71:95 [0] NCCL INFO Trees [0] -1/-1/-1->0->1
gpu01:71:95 [0] NCCL INFO Channel 00/0 : 1[0] -> 0[0] [receive] via NET/Socket/0
"""


def test_what_tells_the_way_is_kept_and_nothing_else():
    assert telling_lines(LOG) == [LOG.splitlines()[place] for place in (1, 2, 3, 5)]


def test_a_long_log_is_cut():
    assert len(telling_lines("Channel via P2P/IPC\n" * 5000)) == 200

from __future__ import annotations

from typing import Any

import pytest

from clusterkit.model.imported.found import Found, Remarks
from clusterkit.model.imported.slurm import read_slurm
from tests.unit.model.imported.reading import mistakes, rows

SLURM_CONF = """\
# slurm.conf made for the lab
ClusterName=lab
SlurmctldHost=head(10.0.0.1)
GresTypes=gpu,mps
NodeName=DEFAULT CPUs=128 \\
   RealMemory=1000000
NodeName=gpu[01-03,07] Gres=gpu:h100:6,gpu:a100:2(S:0-1),mps:100 NodeAddr=10.0.0.[11-13,17]
nodename=cpu[1-2] Boards=1 SocketsPerBoard=2 CoresPerSocket=16 CPUs=32 NodeHostname=c[1-2].lan
NodeName=fat1 Sockets=4 CoresPerSocket=8 CPUs=32 State=DOWN Reason="no fan" # broken
NodeSet=quick Nodes=gpu[01-02]
PartitionName=DEFAULT MaxTime=INFINITE
PartitionName=gpu Nodes=gpu[01-03,07] Default=YES
PartitionName=quick Nodes=quick,cpu1
PartitionName=everything Nodes=ALL
PartitionName=none Nodes=""
"""
SCONTROL = """\
NodeName=gpu01 Arch=x86_64 CoresPerSocket=64
   CPUAlloc=0 CPUEfctv=128 CPUTot=128 CPULoad=0.08
   AvailableFeatures=(null)
   ActiveFeatures=(null)
   Gres=gpu:h100:8(S:0-1)
   NodeAddr=gpu01 NodeHostName=gpu01 Version=23.02.6
   OS=Linux 5.15.0-91-generic #101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023
   RealMemory=2051548 AllocMem=0 FreeMem=1990000 Sockets=2 Boards=1
   State=IDLE ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Partitions=gpu,long
   CfgTRES=cpu=128,mem=2051548M,billing=128,gres/gpu=8
   Comment=(null)

NodeName=cpu01 Arch=x86_64 CoresPerSocket=32
   CPUAlloc=0 CPUEfctv=64 CPUTot=64 CPULoad=0.08
   Gres=(null)
   NodeAddr=10.0.0.21 NodeHostName=cpu01 Version=23.02.6
   State=IDLE+DRAIN ThreadsPerCore=1
   Partitions=long
   Reason=fan is loud [root@2026-11-01T10:00:00]

"""
SINFO_LONG = """\
Fri Nov 20 09:30:00 2026
NODELIST   NODES PARTITION       STATE CPUS    S:C:T MEMORY TMP_DISK WEIGHT AVAIL_FE REASON
gpu01          1      gpu*        idle 128    2:64:1 2051548        0      1   (null) none
gpu02          1      gpu*     drained 128    2:64:1 2051548        0      1   (null) fan is loud
gpu01          1      long        idle 128    2:64:1 2051548        0      1   (null) none
"""
SINFO = """\
PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST
gpu*         up   infinite      2    mix gpu[01-02]
long         up   infinite      1   idle cpu01
"""


def read(text: str, **included: str) -> tuple[Found, Remarks]:
    remarks = Remarks()
    return read_slurm("s", text, remarks, lambda name: included[name]), remarks


def test_slurm_conf():
    found, remarks = read(SLURM_CONF)

    gpus: dict[str, Any] = {"gpus": 8}
    assert rows(found) == [
        *(
            (f"gpu{n}", {"host": f"10.0.0.1{n[1]}", "address": f"10.0.0.1{n[1]}", **gpus})
            for n in ("01", "02", "03", "07")
        ),
        ("cpu1", {"host": "c1.lan", "slots": 32}),
        ("cpu2", {"host": "c2.lan", "slots": 32}),
        ("fat1", {"slots": 32}),
    ]
    assert found.groups == {
        "gpu": ("gpu01", "gpu02", "gpu03", "gpu07"),
        "quick": ("gpu01", "gpu02", "cpu1"),
        "everything": tuple(host.name for host in found.hosts),
    }
    assert remarks.texts() == (
        "s:7: Gres `mps` is not taken over. Fix: nothing: only GPUs are placed",
        "s:9: fat1 is DOWN in Slurm, and taken over all the same. "
        "Fix: leave it out with `--only`, or by hand",
    )
    assert mistakes(remarks) == []


def test_cores_where_no_cpus_are_said():
    found, _ = read("NodeName=a Sockets=2 CoresPerSocket=8\nNodeName=b\n")
    assert rows(found) == [("a", {"slots": 16}), ("b", {})]


@pytest.mark.parametrize("text", [SCONTROL, SCONTROL.replace("\n   ", " ").replace("\n\n", "\n")])
def test_scontrol_show_node(text: str):
    """Over several lines, and as with ``--oneliner``."""
    found, remarks = read(text)

    assert rows(found) == [
        ("gpu01", {"gpus": 8}),
        ("cpu01", {"host": "10.0.0.21", "address": "10.0.0.21", "slots": 64}),
    ]
    assert found.groups == {"gpu": ("gpu01",), "long": ("gpu01", "cpu01")}
    assert [note.partition(": ")[2] for note in remarks.texts()] == [
        "cpu01 is IDLE+DRAIN in Slurm, and taken over all the same. "
        "Fix: leave it out with `--only`, or by hand"
    ]


def test_sinfo_by_node():
    found, remarks = read(SINFO_LONG)

    assert rows(found) == [("gpu01", {"slots": 128}), ("gpu02", {"slots": 128})]
    assert found.groups == {"gpu": ("gpu01", "gpu02"), "long": ("gpu01",)}
    assert len(remarks.texts()) == 1


def test_sinfo_by_partition():
    found, remarks = read(SINFO)

    assert rows(found) == [("gpu01", {}), ("gpu02", {}), ("cpu01", {})]
    assert found.groups == {"gpu": ("gpu01", "gpu02"), "long": ("cpu01",)}
    assert remarks.texts() == ()


def test_sinfo_with_gpus():
    found, _ = read("NODELIST GRES CPUS\ngpu[1-2] gpu:h100:4(S:0-1) 64\ncpu1 (null) 64+\n")
    assert rows(found) == [("gpu1", {"gpus": 4}), ("gpu2", {"gpus": 4}), ("cpu1", {"slots": 64})]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("gpu[01-03,20]\n", ["gpu01", "gpu02", "gpu03", "gpu20"]),
        ("a1\na2\n\nb\n", ["a1", "a2", "b"]),
        ("r[0-1]n[1-2],login", ["r0n1", "r0n2", "r1n1", "r1n2", "login"]),
    ],
)
def test_lists_of_hosts(text: str, names: list[str]):
    found, _ = read(text)
    assert rows(found) == [(name, {}) for name in names]


def test_files_that_are_included():
    found, remarks = read(
        "Include nodes.conf\nNodeName=b\n", **{"nodes.conf": "NodeName=a CPUs=2\n"}
    )
    assert rows(found) == [("a", {"slots": 2}), ("b", {})]
    assert str(found.hosts[0].line) == "nodes.conf:1"

    remarks = Remarks()
    read_slurm("stdin", "Include x\nNodeName=b\n", remarks)
    assert remarks.texts() == (
        "stdin:1: the included file x is not read. "
        "Fix: import that file as well, or put its lines here",
    )


def test_every_mistake_is_told():
    _, remarks = read(
        "NodeName=gpu[1-3 CPUs=8\nNodeName=a[1-2] NodeAddr=x CPUs=many\nNodeName=b Gres=gpu:9999\n"
        "PartitionName=p Nodes=c1\nNodeName=d[20,1-2]\n"
    )
    remarks.mistakes.sort()
    assert mistakes(remarks) == [
        "s:1: the node list `gpu[1-3` cannot be read. Fix: write it as Slurm does: gpu[01-16,20]",
        "s:2: cpus: `many` is no number from 1 to 1000000. Fix: correct cpus",
        "s:2: nodeaddr has 1 names for 2 nodes. Fix: give one for each node",
        "s:3: Gres: `9999` is no number from 1 to 1024. Fix: correct Gres",
        "s:4: partition p: no NodeName is c1. Fix: correct the name, or add the node",
        "s:5: the node list `d[20,1-2]` must rise inside its brackets. "
        "Fix: write it as Slurm does: gpu[01-16,20]",
    ]

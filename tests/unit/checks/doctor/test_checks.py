from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clusterkit.checks import doctor
from clusterkit.checks.doctor import BEFORE_JOBS, CHEAP, CHECKS, examine, failures
from clusterkit.checks.doctor.finding import Finding
from clusterkit.checks.doctor.seen import Blocked, Clock, JobSeen, Login, Seen
from clusterkit.checks.same_storage import NotShared
from clusterkit.facts import Disk, Docker, Nic, RdmaPort
from clusterkit.model.cluster import Container
from tests.unit.checks.doctor.wells import (
    GIB,
    NAMES,
    WELL,
    facts,
    gpu,
    with_all_machines,
    with_facts,
    with_gpus,
    with_machine,
    without,
)

NOT_CHECKS = {"__init__", "finding", "seen", "install"}


def test_every_check_has_a_file_and_every_file_is_a_check():
    folder = Path(str(doctor.__file__)).parent
    files = {path.stem for path in folder.glob("*.py")} - NOT_CHECKS
    assert {name.replace("-", "_") for name in CHECKS} == files
    assert {*CHEAP, *BEFORE_JOBS} <= CHECKS.keys()
    assert len({check.LOOKS_AT for check in CHECKS.values()}) == len(CHECKS)


def test_a_cluster_that_is_well_has_no_line_that_fails_or_warns():
    states = {line.check: line.finding.state for line in examine(WELL)}

    skipped = {name for name, state in states.items() if state == "skip"}
    assert skipped == {"docker-engine", "nvidia-toolkit", "image", "gpus", "nccl"}
    assert set(states.values()) == {"pass", "skip"}
    assert list(states) == list(CHECKS)


def test_nothing_at_all_was_seen():
    lines = examine(Seen(WELL.cluster, WELL.nodes, silent=dict.fromkeys(NAMES, "no route")))

    assert [str(line) for line in failures(lines)] == [
        "node[1-3]: login from here: no route. Fix: look at the machine, its sshd and the way "
        "there; `clusterkit up INVENTORY` mends a node"
    ]


def reach(name: str, **changes: object) -> Seen:
    return replace(WELL, reach={**WELL.reach, name: replace(WELL.reach[name], **changes)})


def both(to: str) -> tuple[Blocked, ...]:
    return (Blocked(to, "listener", "no answer within 3 s"), Blocked(to, "sshd", "no answer"))


CASES = {
    "one direction": (
        "pairs",
        reach("node2", blocked=both("node3")),
        [
            (
                "fail",
                ("node2", "node3"),
                "node2 -> node3: free ports of and sshd of node3: no answer within 3 s; "
                "node3 -> node2 works",
                "let all TCP ports pass from node2 to node3 on the cluster network",
            )
        ],
    ),
    "only port 22 is open, to two nodes": (
        "pairs",
        reach("node1", blocked=tuple(Blocked(n, "listener", "refused") for n in NAMES[1:])),
        [
            (
                "fail",
                ("node1", "node2", "node3"),
                "node1 -> node[2-3]: free ports of node[2-3]: refused; node[2-3] -> node1 works",
                "let all TCP ports pass from node1 to node[2-3] on the cluster network",
            )
        ],
    ),
    "the program died": (
        "pairs",
        reach("node3", error="Killed"),
        [("fail", ("node3",), "could not try: Killed", "run `clusterkit doctor` again")],
    ),
    "login refused": (
        "logins",
        reach("node1", logins=(Login("node2", 255, "Permission denied"), Login("node3", 0))),
        [
            (
                "fail",
                ("node2",),
                "node1 -> node2: Permission denied",
                "run `clusterkit up INVENTORY`: it puts the keys and known_hosts where they "
                "belong",
            ),
            ("pass", ("node3",), "node1 logs in", None),
        ],
    ),
    "no port": (
        "ports",
        reach("node2", no_port="cannot listen on 10.0.0.12: no such address"),
        [
            (
                "fail",
                ("node2",),
                "cannot listen on 10.0.0.12: no such address",
                "correct `address` of the node in the inventory: it must be one of its own",
            ),
            ("pass", ("node1", "node3"), "listens", None),
        ],
    ),
    "another major version": (
        "mpi-version",
        with_facts("node2", mpi_version="4.1.8"),
        [
            (
                "fail",
                ("node2",),
                "Open MPI 4.1.8 on node2, but Open MPI 5.0.11 on node[1,3]",
                "give all nodes the same image, or install one version of Open MPI",
            )
        ],
    ),
    "another minor version": (
        "mpi-version",
        with_facts("node1", mpi_version="5.0.10"),
        [
            (
                "warn",
                ("node1",),
                "Open MPI 5.0.10 on node1, but Open MPI 5.0.11 on node[2-3]",
                "give all nodes the same image, or install one version of Open MPI",
            )
        ],
    ),
    "no MPI": (
        "mpi-version",
        with_facts("node3", mpirun=None, mpi_version=None),
        [
            (
                "fail",
                ("node3",),
                "no Open MPI",
                "install Open MPI 4.1 or 5, or use an image that has it",
            ),
            ("pass", ("node1", "node2"), "Open MPI 5.0.11", None),
        ],
    ),
    "another MPI on PATH": (
        "mpi-on-path",
        with_machine(
            "node2", mpi_on_path={"mpirun": "/usr/bin/mpirun", "prted": "/opt/venv/bin/prted"}
        ),
        [
            (
                "warn",
                ("node2",),
                "/usr/bin/mpirun; jobs use /opt/venv/bin/mpirun",
                "put the folder of the right one first on PATH in ~/.bashrc, above what ends it "
                "there",
            ),
            ("pass", ("node1", "node3"), "none; jobs use /opt/venv/bin/mpirun", None),
        ],
    ),
    "another architecture": (
        "architecture",
        with_machine("node3", architecture="aarch64"),
        [
            (
                "fail",
                ("node3",),
                "aarch64 on node3, but x86_64 on node[1-2]",
                "take the nodes of one architecture for one cluster",
            )
        ],
    ),
    "another torch": (
        "packages",
        with_facts("node2", packages={"torch": "2.12.0", "transformers": "5.20.2"}),
        [
            (
                "fail",
                ("node2",),
                "torch 2.12.0 on node2, but torch 2.13.0 on node[1,3]",
                "give all nodes the same image, or install one version of it",
            )
        ],
    ),
    "another GPU": (
        "gpus",
        replace(
            with_gpus(),
            machines={
                **with_gpus().machines,
                "node2": replace(WELL.machines["node2"], gpus=(gpu(0, "H100"), gpu(1, "H100"))),
            },
        ),
        [
            (
                "fail",
                ("node2",),
                "H100 on node2, but H200 on node[1,3]",
                "take nodes with one kind of GPU for one cluster, or name the GPUs in `gpus`",
            )
        ],
    ),
    "a GPU that is not there": (
        "slots",
        replace(
            with_gpus(),
            facts={**with_gpus().facts, "node3": replace(facts(3), gpus=(gpu(0),))},
        ),
        [
            (
                "fail",
                ("node3",),
                "GPU 1 asked for, but nvidia-smi shows 0",
                "correct `gpus` in the inventory, or look why nvidia-smi does not show it",
            ),
            ("pass", ("node1", "node2"), "2 slots, 2 GPUs", None),
        ],
    ),
    "ranks share GPUs": (
        "slots",
        with_gpus(slots=4),
        [
            (
                "warn",
                NAMES,
                "4 slots, 2 GPUs",
                "set `slots` to the number of GPUs: ranks that share one divide its memory",
            )
        ],
    ),
    "more ranks than cores": (
        "slots",
        with_facts("node2", cores=1),
        [
            ("warn", ("node2",), "2 slots, 1 cores", "set `slots` to at most the number of cores"),
            ("pass", ("node1", "node3"), "2 slots, 0 GPUs", None),
        ],
    ),
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


ETH1 = WELL.machines["node2"].nics[2]
STRAY = "give that bridge another subnet (Docker: `bip` and `default-address-pools` in "
NICS = {
    "two in the subnet": (
        (ETH1, Nic("eth2", "physical", "up", ("10.0.0.99/24",))),
        ("warn", "eth1, eth2 all have addresses in 10.0.0.0/24"),
    ),
    "docker0 in the subnet": (
        (ETH1, Nic("docker0", "bridge", "up", ("10.0.0.1/24",))),
        ("fail", "docker0 has an address in 10.0.0.0/24"),
    ),
    "virbr0 alone": (
        (Nic("virbr0", "bridge", "up", ("10.0.0.12/24",)),),
        ("pass", "virbr0"),
    ),
    "docker0 with the node's own address": (
        (Nic("docker0", "bridge", "up", ("10.0.0.12/24",)),),
        ("fail", "docker0 has an address in 10.0.0.0/24"),
    ),
    "none": ((Nic("eth0", "physical", "up", ("192.0.2.2/24",)),), ("fail", "no interface has an")),
    "another address": (
        (Nic("eth1", "physical", "up", ("10.0.0.77/24",)),),
        ("fail", "eth1 10.0.0.77, not 10.0.0.12"),
    ),
    "down": ((replace(ETH1, state="down"),), ("fail", "eth1 is down")),
    "a bridge of the machine's own": (
        (Nic("br0", "bridge", "up", ("10.0.0.12/24",)),),
        ("pass", "br0"),
    ),
}


@pytest.mark.parametrize("case", NICS)
def test_the_interface_of_the_cluster_network(case: str):
    nics, (state, text) = NICS[case]

    findings = CHECKS["interface"].find(with_machine("node2", nics=nics))

    found = next(each for each in findings if "node2" in each.nodes)
    assert (found.state, found.seen[: len(text)]) == (state, text)
    assert [each.state for each in findings if "node1" in each.nodes] == ["pass"]


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


def test_images_are_compared_where_the_inventory_names_the_same():
    nodes = tuple(
        replace(each, container=Container("a:1" if each.name != "node3" else "b:1"))
        for each in WELL.nodes
    )
    images = {"node1": f"sha256:{'1' * 64}", "node2": f"sha256:{'2' * 64}", "node3": "sha256:33"}
    found = CHECKS["image"].find(replace(WELL, nodes=nodes, images=images))

    assert [(each.state, each.nodes, each.seen) for each in found] == [
        ("fail", ("node2",), f"sha256:{'2' * 12} on node2, but sha256:{'1' * 12} on node1"),
        ("pass", ("node3",), "sha256:33"),
    ]


@pytest.mark.parametrize(
    ("docker", "seen", "fix"),
    [
        (
            None,
            "Docker is not installed",
            "sudo apt-get update && sudo apt-get install -y ca-cert",
        ),
        (
            Docker("28.0", problem="permission denied while trying to connect"),
            "the engine does not answer ubuntu: permission denied while trying to connect",
            "sudo usermod -aG docker ubuntu   # then log in again",
        ),
        (
            Docker("28.0", problem="Cannot connect to the Docker daemon"),
            "the engine does not answer ubuntu: Cannot connect to the Docker daemon",
            "sudo systemctl enable --now docker",
        ),
    ],
)
def test_docker_on_the_machines_of_containers(docker: Docker | None, seen: str, fix: str):
    hosts = {**WELL.machines, "node2": replace(WELL.machines["node2"], docker=docker)}
    found = CHECKS["docker-engine"].find(replace(WELL, hosts=hosts))

    assert [(each.state, each.nodes, each.seen) for each in found] == [
        ("fail", ("node2",), seen),
        ("pass", ("node1", "node3"), "Docker 28.0"),
    ]
    assert str(found[0].fix).startswith(fix)


def test_a_disk_that_tells_nothing_is_none():
    found = CHECKS["disk"].find(
        replace(
            with_all_machines(lambda its: replace(its, disks=(Disk("/x", 1, 9 * GIB),))),
            storage_free_bytes={},
        )
    )

    assert found == [Finding("pass", NAMES, "9.0 GiB at /x")]


def test_a_silent_node_is_left_out_of_the_others_lines():
    some = without("node3", "node3 did not answer. Fix: look")

    assert [(line.check, line.finding) for line in failures(examine(some))] == [
        ("reached", Finding("fail", ("node3",), "node3 did not answer", "look"))
    ]


NVIDIA = Docker("28.0", "28.0", has_nvidia_runtime=True)


@pytest.mark.parametrize(
    ("changes", "state", "seen", "fix"),
    [
        ({"gpus": (gpu(0),), "docker": NVIDIA}, "pass", "toolkit (version unknown)", None),
        ({"gpus_on_bus": 2}, "fail", "a GPU on the PCI bus, and no driver", "install the NVIDIA"),
        (
            {"gpus": (gpu(0),), "nvidia_container_toolkit": "1.17.8"},
            "fail",
            "Docker does not know the NVIDIA runtime",
            "sudo nvidia-ctk runtime configure --runtime=docker\nsudo systemctl restart docker",
        ),
        (
            {"gpus": (gpu(0),)},
            "fail",
            "the NVIDIA Container Toolkit is not installed",
            "sudo apt-get update && sudo apt-get install -y --no-install-recommends ca-cert",
        ),
    ],
)
def test_nvidia_in_containers(changes: dict[str, Any], state: str, seen: str, fix: str | None):
    hosts = {**WELL.machines, "node2": replace(WELL.machines["node2"], **changes)}
    (found,) = CHECKS["nvidia-toolkit"].find(replace(WELL, hosts=hosts))

    assert (found.state, found.nodes, found.seen[: len(seen)]) == (state, ("node2",), seen)
    assert (found.fix or "")[: len(fix or "")] == (fix or "")

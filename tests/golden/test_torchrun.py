"""The whole command line that starts a torchrun on each node."""

from __future__ import annotations

from clusterkit.launchers.mpirun import Mpirun
from clusterkit.launchers.torchrun import Torchrun
from clusterkit.placement import Placement, Rank

RANK = ("sh", "-c", 'exec "$PYTHON" rank')
AGENT = (
    'sh -c \'exec "$CLUSTERKIT_PYTHON" -I -S "$CLUSTERKIT_PAYLOADS" torchrun "$@"\' torchrun '
    "--nnodes {} --node_rank {} --nproc_per_node {} --max_restarts 0 --local_addr {} --no_python "
    "sh -c 'exec \"$PYTHON\" rank'"
)


def test_one_agent_on_each_node_with_as_many_ranks_as_were_placed_there():
    addresses = {"node1": "10.0.0.1", "node2": "10.0.0.2", "node3": "10.0.0.3"}
    placed = Placement((Rank(0, "node1", 0), Rank(1, "node1", 1), Rank(2, "node3", 0)))
    mpirun = Mpirun("mpirun", "5.0.11", subnet="10.0.0.0/24", prefix="/opt/mpi")

    command = Torchrun(mpirun, addresses).command(placed, RANK, rsh=("our-rsh",))

    assert str(command) == (
        "mpirun --prefix /opt/mpi --bind-to none --leave-session-attached "
        "--prtemca plm_ssh_agent our-rsh --prtemca plm_ssh_no_tree_spawn 1 "
        "--prtemca prte_if_include 10.0.0.0/24 --mca btl_tcp_if_include 10.0.0.0/24 "
        "--mca pml ob1 --mca btl self,sm,tcp "
        f"-np 1 -H node1:1 {AGENT.format(2, 0, 2, '10.0.0.1')} : "
        f"-np 1 -H node3:1 {AGENT.format(2, 1, 1, '10.0.0.3')}"
    )


def test_on_this_machine_alone_it_meets_itself():
    placed = Placement((Rank(0, "laptop", 0), Rank(1, "laptop", 1)))

    command = Torchrun(Mpirun("mpirun", "4.1.8"), {"laptop": None}).command(placed, RANK)

    assert str(command) == (
        "mpirun --bind-to none --mca pml ob1 --mca btl self,vader,tcp "
        f"-np 1 -H localhost:1 {AGENT.format(1, 0, 2, '127.0.0.1')}"
    )

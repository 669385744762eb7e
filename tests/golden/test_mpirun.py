"""The whole command line for each version of Open MPI, on one node and on three."""

from __future__ import annotations

import pytest

from clusterkit.launchers.mpirun import Mpirun
from clusterkit.placement import Placement, Rank

RANK = ("sh", "-c", 'exec "$PYTHON" rank')
ONE = Placement((Rank(0, "laptop", 0), Rank(1, "laptop", 1)))
THREE = Placement(
    (
        Rank(0, "node1", 0, 0),
        Rank(1, "node1", 1, 1),
        Rank(2, "node2", 0, 0),
        Rank(3, "node3", 0, 0),
        Rank(4, "node3", 1, 1),
    )
)


@pytest.mark.parametrize(("version", "shared"), [("4.1.8", "vader"), ("5.0.11", "sm")])
def test_one_node_needs_no_network(version: str, shared: str) -> None:
    mpirun = Mpirun("/opt/my mpi/bin/mpirun", version)

    command = mpirun.command(ONE, RANK)

    assert str(command) == (
        f"'/opt/my mpi/bin/mpirun' --bind-to none --mca pml ob1 --mca btl self,{shared},tcp "
        "-np 2 -H localhost:2 sh -c 'exec \"$PYTHON\" rank'"
    )
    assert (dict(command.env), command.stdin, command.timeout_s) == ({}, None, None)


def test_three_nodes_with_open_mpi_4() -> None:
    mpirun = Mpirun("mpirun", "4.1.8", subnet="10.0.0.0/24", as_root=True, prefix="/opt/mpi")

    command = mpirun.command(THREE, ("rank",), rsh=("our-rsh", "-v"), temp_folder="/jobs/a b/tmp")

    assert str(command) == (
        "mpirun --allow-run-as-root --prefix /opt/mpi --bind-to none --leave-session-attached "
        "--mca plm_rsh_agent 'our-rsh -v' --mca plm_rsh_no_tree_spawn 1 "
        "--mca orte_tmpdir_base '/jobs/a b/tmp' "
        "--mca oob_tcp_if_include 10.0.0.0/24 --mca btl_tcp_if_include 10.0.0.0/24 "
        "--mca pml ob1 --mca btl self,vader,tcp "
        "-np 2 -H node1:2 rank : -np 1 -H node2:1 rank : -np 2 -H node3:2 rank"
    )


def test_three_nodes_with_open_mpi_5() -> None:
    mpirun = Mpirun("mpirun", "5.0.11", subnet="10.0.0.0/24", as_root=True, prefix="/opt/mpi")

    command = mpirun.command(THREE, ("rank",), rsh=("our-rsh", "-v"), temp_folder="/jobs/a b/tmp")

    assert str(command) == (
        "mpirun --allow-run-as-root --prefix /opt/mpi --bind-to none --leave-session-attached "
        "--prtemca plm_ssh_agent 'our-rsh -v' --prtemca plm_ssh_no_tree_spawn 1 "
        "--prtemca prte_tmpdir_base '/jobs/a b/tmp' "
        "--prtemca prte_if_include 10.0.0.0/24 --mca btl_tcp_if_include 10.0.0.0/24 "
        "--mca pml ob1 --mca btl self,sm,tcp "
        "-np 2 -H node1:2 rank : -np 1 -H node2:1 rank : -np 2 -H node3:2 rank"
    )


def test_a_head_without_ranks_still_names_the_others() -> None:
    elsewhere = Placement((Rank(0, "node2", 0),))

    command = Mpirun("mpirun", "5.0.11").command(elsewhere, ("rank",), rsh=("our-rsh",))

    assert str(command) == (
        "mpirun --bind-to none --leave-session-attached --prtemca plm_ssh_agent our-rsh "
        "--prtemca plm_ssh_no_tree_spawn 1 --mca pml ob1 --mca btl self,sm,tcp "
        "-np 1 -H node2:1 rank"
    )

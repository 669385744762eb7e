"""Open MPI 4 and 5: the command that starts every rank of a placement in its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from clusterkit.command import Command
from clusterkit.placement import Placement


@dataclass(frozen=True, slots=True)
class Group:
    """``count`` processes of ``argv`` on one node."""

    node: str
    count: int
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mpirun:
    """One installation of Open MPI.

    ``version`` is as mpirun prints it. ``subnet`` pins all its TCP traffic; None where there is
    one node. ``prefix`` is the folder of the installation on the nodes, where it is not the one
    that mpirun finds out by itself.
    """

    mpirun: str
    version: str
    subnet: str | None = None
    as_root: bool = False
    prefix: str | None = None

    def command(
        self,
        placement: Placement,
        rank_argv: tuple[str, ...],
        *,
        rsh: tuple[str, ...] | None = None,
        temp_folder: str | None = None,
    ) -> Command:
        """Start ``rank_argv`` as every rank."""
        groups = [Group(node, len(ranks), rank_argv) for node, ranks in placement.by_node]
        return self.start(groups, rsh=rsh, temp_folder=temp_folder)

    def start(
        self,
        groups: Sequence[Group],
        *,
        rsh: tuple[str, ...] | None = None,
        temp_folder: str | None = None,
    ) -> Command:
        """Start each group in an application context.

        Only this pins ranks to nodes on both versions: Open MPI 4 reorders a hostfile. ``rsh``
        starts a daemon on another node as ssh would; Open MPI looks for its first word on PATH
        and cannot quote. ``temp_folder`` holds what Open MPI keeps while it runs; None: $TMPDIR.
        """
        argv = [self.mpirun]
        if self.as_root:
            argv += ["--allow-run-as-root"]
        if self.prefix is not None:
            argv += ["--prefix", self.prefix]
        argv += ["--bind-to", "none"]
        if rsh is not None:
            argv += self._daemons(rsh)
        if temp_folder is not None:
            argv += self._option("prte_tmpdir_base", "orte_tmpdir_base", temp_folder)
        if self.subnet is not None:
            argv += self._option("prte_if_include", "oob_tcp_if_include", self.subnet)
            argv += ["--mca", "btl_tcp_if_include", self.subnet]
        argv += self._transports()
        for number, group in enumerate(groups):
            # The only node is this machine, whatever the inventory calls it.
            name = "localhost" if rsh is None else group.node
            count = str(group.count)
            context = ["-np", count, "-H", f"{name}:{count}", *group.argv]
            argv += [":", *context] if number else context
        return Command(tuple(argv))

    def _daemons(self, rsh: tuple[str, ...]) -> list[str]:
        """Daemons stay where they were started, and the head starts all of them."""
        return [
            "--leave-session-attached",
            *self._option("plm_ssh_agent", "plm_rsh_agent", " ".join(rsh)),
            *self._option("plm_ssh_no_tree_spawn", "plm_rsh_no_tree_spawn", "1"),
        ]

    def _transports(self) -> list[str]:
        """MPI's own messages go over TCP and shared memory, on every kind of network alike.

        The engines' traffic goes over NCCL or gloo. Left to itself, Open MPI 5.0.11 (PyPI) looks
        through libfabric's providers for a second in each rank, and takes what it finds.
        """
        shared_memory = "vader" if self.version.startswith("4.") else "sm"
        return ["--mca", "pml", "ob1", "--mca", "btl", f"self,{shared_memory},tcp"]

    def _option(self, five: str, four: str, value: str) -> list[str]:
        """An option of the runtime, which Open MPI 5 keeps apart from MPI's own."""
        is_four = self.version.startswith("4.")
        return ["--mca", four, value] if is_four else ["--prtemca", five, value]

"""How this process was started."""

from __future__ import annotations

import os
import sys


def refuse_mpi() -> None:
    """A build that mpirun started fails, as people found: it is for one process on one node."""
    if "OMPI_COMM_WORLD_SIZE" in os.environ:
        sys.exit(
            "RuntimeError: MPI was set up by a launcher before the build: a stand-in refuses what "
            "was found to fail, a build under mpirun"
        )

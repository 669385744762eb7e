"""Run one rank of a model to its end, whichever engine it is of, and tell what ended it."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from clusterkit.payloads.generate_events import Failed, Refused, rank, tell
from clusterkit.payloads.quiet import quiet
from clusterkit.payloads.rank_input import read_input


def run_rank(run: Callable[[dict[str, Any]], None]) -> NoReturn:
    """Run it with its input; exit code 2: the request cannot be answered."""
    code = 0
    try:
        run(read_input())
    except (Refused, Failed) as error:
        # Where every rank comes to this by itself, each says so: mpirun ends all of them with
        # the first to exit.
        tell(event="error", rank=rank(), message=str(error))
        code = error.exit_code
    except Exception as error:
        tell(event="error", rank=rank(), message=f"{type(error).__name__}: {error}")
        import traceback

        traceback.print_exc()
        code = 1
    # Threads of gloo and NCCL that wait for a rank that failed must not hold this one.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def before_torch() -> None:
    """What must be so before torch is imported."""
    quiet(str(Path(".torch").absolute()))  # a rank runs in a folder of its job
    warnings.filterwarnings("ignore")
    # Idle threads of a rank would spin, and take the cores from other ranks: several times
    # slower where cores are shared. OpenMP reads this when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")

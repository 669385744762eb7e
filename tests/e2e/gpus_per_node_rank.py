"""One rank of a pretended node: loads its part of an engine in a session of a stand-in.

Words: how the number is told, the session's class, the engine's folder, the job's folder. What
came of it is written to the job's folder as `rank-N.json`: the device, or the last line of the
error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from clusterkit.payloads.gpus_per_node import prepare

SESSION = """
import sys
from tensorrt_llm import mpi_rank, runtime
print(getattr(runtime, sys.argv[1]).from_dir(sys.argv[2], rank=mpi_rank()).device)
"""


def main() -> None:
    at_run, session, engine, folder = sys.argv[1:]
    used, more = prepare(at_run, engine, folder, dict(os.environ))
    done = subprocess.run(
        [sys.executable, "-c", SESSION, session, used],
        env=os.environ | more,
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        found: object = int(done.stdout)
    else:
        errors = [line for line in done.stderr.splitlines() if "Error" in line]
        found = errors[-1]
    rank = os.environ["OMPI_COMM_WORLD_RANK"]
    Path(folder, f"rank-{rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()

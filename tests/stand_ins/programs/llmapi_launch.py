"""Stand-in of ``trtllm-llmapi-launch`` (from 0.15; the vendor's is a shell script).

Rank 0 runs the command, without the variables of MPI; the other ranks work for it until it ends,
and all end as it did. The command reaches them through rank 0: it sends a prompt to the socket in
``TLLM_SPAWN_PROXY_PROCESS_IPC_ADDR`` and gets what all ranks add up to.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.stand_ins.programs.answer import share

_STRIPPED = (
    "OMPI_", "PMIX_", "PMI_", "SLURM_", "MPI_", "UCX_", "I_MPI_", "HYDRA_", "KMP_", "MPICH_",
    "MV2_", "CRAY_",
)  # fmt: skip
_PROMPT, _END = 1, 2


def main() -> None:
    """Be the leader or a worker."""
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    if world.rank == 0:
        sys.exit(_lead(world, sys.argv[1:]))
    status = MPI.Status()
    while True:
        while not world.iprobe(source=0, status=status):  # recv would keep a core busy
            time.sleep(0.01)
        said = world.recv(source=0)
        if status.tag == _END:
            sys.exit(said)
        world.reduce(share(said, world.rank), root=0)


def _lead(world: Any, argv: list[str]) -> int:
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        path = Path(folder, "rpc")
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(0.05)
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(_STRIPPED)
        }
        kept |= {
            "TLLM_SPAWN_PROXY_PROCESS": "1",
            "tllm_mpi_size": str(world.size),
            "TLLM_SPAWN_PROXY_PROCESS_IPC_ADDR": f"ipc://{path}",
        }
        task = subprocess.Popen(argv, env=kept)
        signal.signal(signal.SIGTERM, lambda *_: task.terminate())
        while task.poll() is None:
            _serve_one(world, listener)
    for rank in range(1, world.size):
        world.send(task.returncode, dest=rank, tag=_END)
    return task.returncode


def _serve_one(world: Any, listener: socket.socket) -> None:
    try:
        asker, _ = listener.accept()
    except TimeoutError:
        return
    with asker:
        prompt = asker.recv(1 << 20).decode()
        for rank in range(1, world.size):
            world.send(prompt, dest=rank, tag=_PROMPT)
        asker.sendall(str(world.reduce(share(prompt, 0), root=0)).encode())


def ask(address: str, prompt: str) -> int:
    """What all ranks add up to for a prompt; for the command that the leader runs."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(address.removeprefix("ipc://"))
        asking.sendall(prompt.encode())
        return int(asking.recv(100))

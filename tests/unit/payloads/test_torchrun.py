from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from clusterkit.payloads import torchrun


def test_workers_do_not_hear_the_place_of_their_agent():
    env = {
        "OMPI_COMM_WORLD_RANK": "1",
        "PMIX_RANK": "1",
        "PRTE_LAUNCHED": "1",
        "OPAL_PREFIX": "/opt/mpi",
        "CLUSTERKIT_JOB": "run-1",
        "MY_OMPI_": "mine",
    }

    assert torchrun.without_mpirun(env) == {
        "OPAL_PREFIX": "/opt/mpi",
        "CLUSTERKIT_JOB": "run-1",
        "MY_OMPI_": "mine",
    }


def test_it_asks_where_to_meet_and_becomes_torchrun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A stand-in for the interpreter prints what would run."""
    meeting = {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "1234", "WORLD_SIZE": "4"}
    heard: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX)
    with listener:
        monkeypatch.chdir(tmp_path)
        listener.bind("agent.sock")  # a name of at most 108 bytes
        listener.listen()
        agent = threading.Thread(target=answer, args=(listener, meeting, heard))
        agent.start()
        program = tmp_path / "python"
        program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" "$WORLD_SIZE" "$PMIX_RANK"\n')
        program.chmod(0o700)
        shown = run_payload(tmp_path, program, "--nnodes", "2", "it's $(x)")
        agent.join(10)

    assert heard == [b'{"t":"hello"}\n']
    assert shown.splitlines() == [
        *("-m", "torch.distributed.run", "--master_addr", "10.0.0.1", "--master_port", "1234"),
        *("--nnodes", "2", "it's $(x)", "4", ""),
    ]


def answer(listener: socket.socket, meeting: dict[str, str], heard: list[bytes]) -> None:
    connection = listener.accept()[0]
    with connection:
        heard.append(connection.recv(4096))
        connection.sendall(json.dumps({"t": "meet", "env": meeting}).encode() + b"\n")
        connection.recv(1)  # until it has gone on


def run_payload(folder: Path, program: Path, *words: str) -> str:
    env = {
        **os.environ,
        "CLUSTERKIT_FOLDER": str(folder),
        "CLUSTERKIT_PYTHON": str(program),
        "PMIX_RANK": "1",
    }
    payloads = Path(torchrun.__file__).parent
    done = subprocess.run(
        [sys.executable, "-I", "-S", payloads, "torchrun", *words],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout

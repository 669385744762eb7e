"""An sshd that opens one session at a time for a connection: all there is takes turns."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import docker
import pytest

from clusterkit.command import Command, DockerLook
from clusterkit.transports.machine_engine import MachineEngine
from clusterkit.transports.ssh import SshTransport
from tests.contract.sshd import running_sshd


@pytest.mark.parametrize("sessions", [1, 2])
def test_an_engine_and_commands_share_the_sessions_that_there_are(
    docker_host: docker.DockerClient, tmp_path: Path, sessions: int
) -> None:
    engine_of_tests = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    with (
        running_sshd(
            tmp_path, f"MaxSessions {sessions}", f"SetEnv DOCKER_HOST={engine_of_tests}"
        ) as sshd,
        contextlib.closing(SshTransport("node1", sshd.address)) as machine,
        contextlib.closing(MachineEngine(machine)) as engine,
    ):
        with ThreadPoolExecutor(4) as pool:
            looks = [pool.submit(engine.look, DockerLook(f"few-sessions-{n}")) for n in range(4)]
            looked = [look.result().ok for look in looks]
        said = [machine.run(Command(("echo", "here"))).stdout for _ in range(3)]
        again = engine.look(DockerLook("few-sessions")).ok

    assert (looked, said, again) == ([True] * 4, ["here\n"] * 3, True)

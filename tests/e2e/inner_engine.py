"""Machines with a Docker engine of their own: an engine that runs inside each container."""

from __future__ import annotations

import subprocess
import time
from typing import Any

import docker

from tests.e2e.machines import Machine

_START_TIMEOUT_S = 60
# What an engine needs that a container is not given; --privileged would ask for more than
# many machines have to give.
OPTIONS: dict[str, Any] = {
    "cap_add": ["SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "MKNOD"],
    "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
    # Layers of images cannot lie on layers of an image; the volume goes with the machine.
    "mounts": [docker.types.Mount("/var/lib/docker", None)],
}
"""The ``options`` of a machine's :class:`Spec`; its image has the layer ``docker``."""
# The groups that limit containers are read-only in a container until they are mounted anew.
_START = """
for each in /sys/fs/cgroup /sys/fs/cgroup/*; do
    if mountpoint -q "$each"; then mount -o remount,bind,rw "$each" || exit; fi
done
exec dockerd --pidfile /run/dockerd.pid > /var/log/dockerd.log 2>&1
"""


def start_engine(machine: Machine) -> None:
    """Start the machine's engine, and wait until it answers. It ends with the machine."""
    machine.container.exec_run(["sh", "-c", _START], detach=True)
    deadline = time.monotonic() + _START_TIMEOUT_S
    while machine.container.exec_run(["docker", "version"])[0] != 0:
        if time.monotonic() > deadline:
            raise AssertionError(machine.inside("cat", "/var/log/dockerd.log"))
        time.sleep(0.1)


def stop_engine(machine: Machine) -> None:
    """Stop the machine's engine in order, and wait until it is gone."""
    machine.inside(
        "sh",
        "-c",
        "docker ps -q | xargs -r docker kill; pid=$(cat /run/dockerd.pid) && kill $pid"
        " && while kill -0 $pid; do sleep 0.05; done 2>/dev/null",
    )


def load_image(machine: Machine, image: str) -> None:
    """Give the machine's engine an image of the outer one."""
    load = ["docker", "exec", "-i", machine.container.id, "docker", "load", "-q"]
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as save:
        done = subprocess.run(load, stdin=save.stdout, capture_output=True, text=True)
    assert (save.returncode, done.returncode) == (0, 0), done.stderr

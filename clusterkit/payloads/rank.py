"""Be one rank for the launcher: fetch the program from this node's agent, run it, pass on its end.

The program's output goes to the agent through pipes of its own, because Open MPI 5 forwards it
late, and its words arrive over a socket, because argv is for everyone to see.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import struct
import sys
import time

from clusterkit.payloads.own_prefix import environment_here
from clusterkit.payloads.processes import die_with, exit_code, signal_group, signal_name, spawn

_AGENT_WITHIN_S = 10.0
# How each launcher tells a rank its place. torchrun's agents do not pass on what mpirun told them.
_BY_TORCHRUN = {"rank": "RANK", "local_rank": "LOCAL_RANK", "size": "WORLD_SIZE"}
_BY_MPIRUN = {key: f"OMPI_COMM_WORLD_{key.upper()}" for key in ("rank", "local_rank", "size")}


def main() -> None:
    """Run this rank's program and exit as it did."""
    die_with(os.getppid())
    os.chdir(os.environ["CLUSTERKIT_FOLDER"])
    agent = connect("agent.sock")
    wakeups = _wake_on_signals()
    reads, writes = zip(*(os.pipe() for _ in range(3)))  # noqa: B905 - Python 3.8
    _say_hello(agent, reads)
    lines = agent.makefile("rb")
    order = json.loads(lines.readline() or "null")
    if order is None or order["t"] != "run":  # not wanted here; the agent has told why
        sys.exit(1)
    env = {**_given(order["unset"], *order["prefixes"]), **order["env"]}
    pid = _start(order["argv"], env, writes, order["chdir"] or "run")
    for fd in (*reads, *writes):
        os.close(fd)
    _tell(agent, {"t": "started", "pid": pid})
    code = Watch(agent, pid, wakeups).until_end()
    sys.exit(code if code >= 0 else 128 - code)


class Watch:
    """Waits for the program's end, for signals from the launcher, and for the agent's end."""

    def __init__(self, agent: socket.socket, pid: int, wakeups: int) -> None:
        self._agent, self._pid, self._wakeups = agent, pid, wakeups
        self._told_to_end = False

    def until_end(self) -> int:
        """The program's exit code; after a failure, only when the agent lets us leave.

        Were the launcher to hear of a failure at once, it would end the other ranks in its own
        way and time.
        """
        code: int | None = None
        poll = select.poll()
        poll.register(self._agent, select.POLLIN)
        poll.register(self._wakeups, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._agent.fileno():
                    # "leave", or the agent is gone: either way nothing may stay.
                    signal_group(self._pid, signal.SIGKILL)
                    return code if code is not None else _wait(self._pid)
                if signal.SIGTERM in os.read(self._wakeups, 64) and code is None:
                    self._told_to_end = True
                    signal_group(self._pid, signal.SIGTERM)
            if code is None:
                code = self._ended()
                if code == 0:
                    return 0

    def _ended(self) -> int | None:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return None
        code = exit_code(status)
        end: dict[str, object] = {"t": "ended", "exit_code": code, "signal": None}
        if code < 0:
            end.update(exit_code=None, signal=signal_name(code))
        _tell(self._agent, {**end, "told": self._told_to_end})
        return code


def connect(name: str) -> socket.socket:
    """Reach the agent, which may have been started at the same moment as the launcher."""
    deadline = time.monotonic() + _AGENT_WITHIN_S
    while True:
        agent = socket.socket(socket.AF_UNIX)
        try:
            agent.connect(name)
        except OSError as error:
            agent.close()
            if time.monotonic() > deadline:
                sys.exit(f"cannot reach the agent of this node: {error}")
            time.sleep(0.01)
        else:
            return agent


def _wake_on_signals() -> int:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return reader


def _say_hello(agent: socket.socket, reads: tuple[int, ...]) -> None:
    names = _BY_TORCHRUN if "TORCHELASTIC_RUN_ID" in os.environ else _BY_MPIRUN
    hello = {key: int(os.environ[name]) for key, name in names.items()}
    line = json.dumps({"t": "hello", **hello}).encode() + b"\n"
    pipes = struct.pack(f"{len(reads)}i", *reads)
    agent.sendmsg([line], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, pipes)])


def _given(unset: list[str], theirs: str | None, ours: str | None) -> dict[str, str]:
    """What the launcher gave this rank, as it is on this node, and without what only we need."""
    env = environment_here(os.environ, theirs, ours)
    env["PATH"] = env["PATH"].replace(f"{os.environ['TMPDIR']}:", "", 1)
    return {name: value for name, value in env.items() if name not in unset}


def _start(argv: list[str], env: dict[str, str], writes: tuple[int, ...], folder: str) -> int:
    events = os.dup(writes[2])
    os.set_inheritable(events, True)
    env = {**env, "CLUSTERKIT_EVENTS_FD": str(events)}
    pid = spawn(argv, env=env, cwd=folder, fds={1: writes[0], 2: writes[1]}, session=True)
    os.close(events)
    return pid


def _tell(agent: socket.socket, message: dict[str, object]) -> None:
    try:
        agent.sendall(json.dumps(message).encode() + b"\n")
    except OSError:  # the agent is gone: the watch sees that too
        return


def _wait(pid: int) -> int:
    return exit_code(os.waitpid(pid, 0)[1])

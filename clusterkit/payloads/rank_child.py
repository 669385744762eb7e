"""Run a program as a child, and pass on what it prints, line by line."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import sys
from pathlib import Path
from typing import Callable, NoReturn, Sequence  # noqa: UP035 - Python 3.8

from clusterkit.payloads.job_protocol import LineSplitter
from clusterkit.payloads.processes import exit_code, spawn

_LINE_BYTES = 1 << 26
_LOOK_EVERY_MS = 500

OnLine = Callable[[str], Sequence[str]]
"""Takes a line; returns the lines to pass on now."""


def run(argv: list[str], env: dict[str, str], on_line: OnLine | None, *, of: int = 1) -> int:
    """Run a program to its end; its exit code, or -N where signal N ended it.

    ``on_line`` hears its stdout, or ``of`` 2: its stderr.

    What ends this rank ends its whole process group, the child with it: here it is waited for.
    """
    env = dict(env)
    if events := env.pop("CLUSTERKIT_EVENTS_FD", None):
        os.set_inheritable(int(events), False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    out, err = os.pipe(), os.pipe()
    pid = spawn(argv, env=env, cwd=str(Path.cwd()), fds={1: out[1], 2: err[1]})
    os.close(out[1])
    os.close(err[1])
    return _follow(pid, {out[0]: 1, err[0]: 2}, {of: on_line} if on_line else {})


def end_as(code: int) -> NoReturn:
    """End as a child did: with its exit code, or by the signal that ended it."""
    sys.stdout.flush()
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # of the child there is one already
        with contextlib.suppress(OSError):  # SIGKILL takes no handler, and needs none
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code)


def write_line(fd: int, line: bytes) -> None:
    """Write a whole line."""
    rest = line + b"\n"
    while rest:
        rest = rest[os.write(fd, rest) :]


def _follow(pid: int, ours: dict[int, int], hearers: dict[int, OnLine]) -> int:
    """Pass on the lines of both pipes until their end, or until the child's.

    Something that the child left behind may hold them open.
    """
    splitters = {fd: LineSplitter(_LINE_BYTES) for fd in ours}
    poll = select.poll()
    for fd in ours:
        os.set_blocking(fd, False)
        poll.register(fd, select.POLLIN)
    code: int | None = None
    while splitters:
        ready = [fd for fd, _ in poll.poll(0 if code is not None else _LOOK_EVERY_MS)]
        if not ready and code is not None:
            break
        if not ready:
            ended, status = os.waitpid(pid, os.WNOHANG)
            code = exit_code(status) if ended else None
        for fd in ready:
            data = os.read(fd, 1 << 16)
            lines = splitters[fd].feed(data) if data else splitters[fd].end()
            _pass_on(lines, ours[fd], hearers.get(ours[fd]))
            if not data:
                poll.unregister(fd)
                del splitters[fd]
    for fd, splitter in splitters.items():
        _pass_on(splitter.end(), ours[fd], hearers.get(ours[fd]))
    for fd in ours:
        os.close(fd)
    return exit_code(os.waitpid(pid, 0)[1]) if code is None else code


def _pass_on(lines: list[bytes], fd: int, on_line: OnLine | None) -> None:
    for line in lines:
        if on_line is None:
            write_line(fd, line)
            continue
        for each in on_line(line.decode(errors="replace")):
            write_line(fd, each.encode())


def path_with_python() -> str:
    """PATH with the folder of this Python first: programs call `python3`, and must get this."""
    beside = os.path.dirname(sys.executable)  # noqa: PTH120
    return os.pathsep.join([beside, os.environ.get("PATH", os.defpath)])

"""Start processes that die with their parent, and know them again."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True)
# Python ignores some of these, and so do our daemons; a program must find them as usual.
_USUAL_SIGNALS = ("SIGINT", "SIGHUP", "SIGTERM", "SIGPIPE", "SIGCHLD", "SIGXFSZ")


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end."""
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def leave_streams() -> None:
    """Hold nobody's stdin, stdout and stderr any more."""
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when ``parent`` ends; at once if it already has."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(137)


def spawn(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: str = "/",
    fds: Mapping[int, int],
    session: bool = False,
    mortal: bool = True,
) -> int:
    """Start a program with ``fds`` (its number -> ours) and stdin from nowhere; return its pid.

    It dies with this process, unless it is not ``mortal``. Call it from the main thread: the
    kernel watches the thread that forked. Where the program cannot be started, the reason is
    written to its stderr and it exits 127.
    """
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.set_wakeup_fd(-1)
        for name in _USUAL_SIGNALS:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        if session:
            os.setsid()
        for theirs, ours in {0: os.open("/dev/null", os.O_RDONLY), **fds}.items():
            os.dup2(ours, theirs)
        if mortal:
            die_with(parent)
        os.chdir(cwd)
        os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606 - no shell is the point
    except BaseException as error:
        os.write(2, f"{argv[0]}: {error}\n".encode())
    finally:
        os._exit(127)


def reap() -> list[tuple[int, int]]:
    """The children that have ended, each with its exit code; ended by signal N: -N."""
    ended: list[tuple[int, int]] = []
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended
        if not pid:
            return ended
        ended.append((pid, exit_code(status)))


def exit_code(status: int) -> int:
    """The exit code that a wait status means; ended by signal N: -N."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def signal_name(code: int) -> str | None:
    """``SIGKILL`` for -9; None for a code that is no signal."""
    if code >= 0:
        return None
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def signal_group(pid: int, number: int) -> None:
    """Signal a process group, if it is there."""
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def birth(pid: int) -> str | None:
    """When a process started, in ticks since boot: with its pid, its identity. None: not there."""
    fields = _stat(pid)
    return None if fields is None or fields[0] == "Z" else fields[19]


def state_of(pid: int) -> str | None:
    """How a process is: ``R`` runs, ``S`` sleeps, ``D``, ``T`` stopped, ``Z``; None: not there."""
    fields = _stat(pid)
    return None if fields is None else fields[0]


def parents() -> dict[int, int]:
    """Every process of this machine with its parent."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib takes longer than the rest
        fields = _stat(int(name)) if name.isdigit() else None
        if fields is not None:
            found[int(name)] = int(fields[1])
    return found


def ancestors(pid: int, tree: Mapping[int, int]) -> set[int]:
    """A process and all above it; ``tree`` is that of :func:`parents`."""
    line: set[int] = set()
    while pid in tree and pid not in line:
        line.add(pid)
        pid = tree[pid]
    return line


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; a name may have spaces and brackets."""
    text = read(f"/proc/{pid}/stat")
    return text.rpartition(b")")[2].decode().split() if text else None


def read(path: str) -> bytes:
    """A small file of /proc; nothing where it is gone or closed to us."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        chunks: list[bytes] = []
        while True:
            chunk = os.read(fd, 1 << 16)
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
    except OSError:  # it ended meanwhile
        return b""
    finally:
        os.close(fd)

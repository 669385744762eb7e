"""Run commands on the machine that clusterkit runs on."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import socket
import subprocess
import threading
from typing import IO

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.events import Stream
from clusterkit.transports import shell
from clusterkit.transports.base import Link
from clusterkit.transports.lines import OnBytes
from clusterkit.transports.link import SocketLink
from clusterkit.transports.streams import StreamTransport

_CHUNK_BYTES = 1 << 16


class LocalTransport(StreamTransport):
    """Starts processes here, each in a session of its own."""

    def __init__(self, node: str = "localhost") -> None:
        super().__init__(node)

    def close(self) -> None:
        """Nothing is held."""

    def connect(self, address: str, port: int) -> Link:
        """Reach a port of this machine."""
        return SocketLink(socket.create_connection((address, port)))

    def _open(self, command: Command) -> LocalSession:
        words = shell.script(shell.EXEC, *shell.program(command))
        try:
            process = subprocess.Popen(
                words,
                env={**os.environ, **command.env},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        except (OSError, ValueError) as error:  # no sh, too many words, a NUL in a word
            what = f"cannot start {command}: {error}. Fix: {_fix(error)}"
            raise TransportError(self.node, what) from error
        return LocalSession(process)


class LocalSession:
    """One process of this machine; its process group has its id."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._writing = threading.Lock()  # closing a pipe under a writer is not defined

    def write(self, data: bytes) -> None:
        """Write all of ``data`` to the pipe."""
        pipe = _opened(self._process.stdin)
        view = memoryview(data)
        with self._writing:
            while view and not pipe.closed:
                view = view[pipe.write(view) :]

    def close_stdin(self) -> None:
        """Close the pipe."""
        with self._writing:
            _opened(self._process.stdin).close()

    def signal(self, name: str) -> None:
        """Signal the process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.Signals[f"SIG{name}"])

    def read(self, take: OnBytes) -> None:
        """Hand over both pipes up to their ends."""
        with selectors.DefaultSelector() as selector:
            stdout, stderr = _opened(self._process.stdout), _opened(self._process.stderr)
            selector.register(stdout, selectors.EVENT_READ, "stdout")
            selector.register(stderr, selectors.EVENT_READ, "stderr")
            while selector.get_map():
                for key, _ in selector.select():
                    stream: Stream = key.data
                    data = os.read(key.fd, _CHUNK_BYTES)
                    take(stream, data)
                    if not data:
                        selector.unregister(key.fileobj)

    def exit_code(self) -> int:
        """The exit code; ended by signal N: 128 + N."""
        code = self._process.wait()
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        """Close the pipes."""
        self.close_stdin()
        _opened(self._process.stdout).close()
        _opened(self._process.stderr).close()


def _fix(error: OSError | ValueError) -> str:
    match error:
        case ValueError():
            return "take the NUL character out of its words"
        case OSError(errno=errno.E2BIG):
            return "pass fewer or shorter words, or put them into a file"
        case OSError(errno=errno.EAGAIN | errno.ENOMEM):
            return "end other programs: this machine has no room for one more"
        case _:
            return "see that `sh -c true` works here"


def _opened(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise RuntimeError("the process was started without this pipe")
    return pipe

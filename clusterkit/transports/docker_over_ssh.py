"""Reach the Docker engine of a machine through the SSH connection that we have verified.

The SDK's own ``ssh://`` (docker 7.1) makes a client of its own: it knows neither our known_hosts
nor jump hosts. Here each of its HTTP connections is a channel on which the machine runs
``docker system dial-stdio``.
"""

from __future__ import annotations

import contextlib
import errno
import io
import queue
from typing import TYPE_CHECKING, Any

import docker
import docker.errors
import requests.adapters
import requests.exceptions
import urllib3.connection
import urllib3.connectionpool
from docker.constants import DEFAULT_DOCKER_API_VERSION

from clusterkit.errors import TransportError
from clusterkit.transports.docker_client import TIMEOUT_S
from clusterkit.transports.ssh import send_all

if TYPE_CHECKING:
    import paramiko

    from clusterkit.transports.ssh import SshTransport

_OLDEST = "1.24"
_AT_ONCE = 8
_BUFFER_BYTES = 1 << 16


def connect_over_ssh(machine: SshTransport) -> docker.APIClient:
    """Open the engine of a machine, and agree on a version.

    Raises:
        TransportError: If the machine has no Docker, or does not let this user use it.
    """
    client = docker.APIClient("http://localhost:1", version=_OLDEST, timeout=TIMEOUT_S)
    client.mount("http://localhost:1", _Adapter(machine))
    try:
        newest = client.version(api_version=False)["ApiVersion"]
    except (requests.exceptions.RequestException, docker.errors.DockerException) as error:
        raise TransportError(machine.node, why_no_answer(machine, error)) from error
    client._version = min(  # type: ignore[attr-defined]  # its only way to change it later
        newest, DEFAULT_DOCKER_API_VERSION, key=_number
    )
    return client


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def why_no_answer(machine: SshTransport, error: BaseException) -> str:
    """What the machine says of its Docker, asked by the program that a person would use."""
    from clusterkit.command import Command

    said = machine.run(Command(("docker", "version", "--format", "{{.Server.Version}}")))
    words = said.stderr.strip() or said.stdout.strip() or str(error)
    if said.exit_code == 127:
        return (
            "there is no Docker on this machine. Fix: install it; `clusterkit doctor` prints the "
            "lines for this distribution"
        )
    if "permission denied" in words.lower():
        return (
            f"Docker on this machine does not let the user in: {words}. "
            'Fix: `sudo usermod -aG docker "$USER"` there, and run it again'
        )
    return (
        f"Docker on this machine does not answer: {words}. "
        "Fix: start it there (`sudo systemctl start docker`)"
    )


class _Adapter(requests.adapters.HTTPAdapter):
    """Sends every request through a channel of one SSH connection."""

    def __init__(self, machine: SshTransport) -> None:
        self._pool = _Pool(machine)
        super().__init__()

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> Any:
        return self._pool

    def request_url(self, request: Any, proxies: Any) -> str:
        """The path alone: no proxy of the environment is meant."""
        del proxies
        path: str = request.path_url
        return path

    def close(self) -> None:
        self._pool.close()
        super().close()


class _Pool(urllib3.connectionpool.HTTPConnectionPool):
    def __init__(self, machine: SshTransport) -> None:
        super().__init__("localhost", maxsize=_AT_ONCE, block=True, timeout=TIMEOUT_S)
        self._machine = machine
        machine.when_full(self._close_idle)

    def _close_idle(self) -> None:
        """Let go of the channels that no request uses: sshd counts them (MaxSessions)."""
        waiting: list[Any] = []
        with contextlib.suppress(queue.Empty):
            while self.pool is not None:
                waiting.append(self.pool.get(block=False))
        for connection in waiting:
            if connection is not None:
                connection.close()  # it opens another when it is used next
            if self.pool is not None:
                self.pool.put(connection, block=False)

    def _new_conn(self) -> Any:
        return _Connection(self._machine)


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, machine: SshTransport) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._machine = machine

    def connect(self) -> None:
        channel = self._machine.dial(("docker", "system", "dial-stdio"))
        channel.settimeout(TIMEOUT_S)
        socket: Any = _Socket(channel)
        self.sock = socket


class _Socket:
    """A channel as http.client and the SDK take a socket.

    Like one, it stays open after :meth:`close` while an answer is still read from it.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self._readers = 0
        self._is_closed = False

    def sendall(self, data: Any) -> None:
        """Send all; an engine that reads no more may have answered already."""
        try:
            send_all(self._channel, data)
        except TimeoutError:
            raise
        except OSError as error:
            raise BrokenPipeError(errno.EPIPE, "the engine reads no more") from error

    def makefile(self, *_: Any, **__: Any) -> io.BufferedReader:
        """What the answer is read from; the SDK wants ``raw`` below a buffer."""
        self._readers += 1
        return io.BufferedReader(_Answer(self), _BUFFER_BYTES)

    def close(self) -> None:
        """Close the channel, once nobody reads from it."""
        self._is_closed = True
        if self._readers == 0:
            self._channel.close()

    def recv(self, size: int) -> bytes:
        """The next bytes; none: that was all."""
        return self._channel.recv(size)

    def let_go(self) -> None:
        """One reader less."""
        self._readers -= 1
        if self._is_closed:
            self.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)


class _Answer(io.RawIOBase):
    def __init__(self, socket: _Socket) -> None:
        self._socket = socket

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        data = self._socket.recv(len(into))
        into[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._socket.let_go()
        super().close()

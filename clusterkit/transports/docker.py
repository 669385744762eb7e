"""Run commands in a container, by the Docker SDK."""

from __future__ import annotations

import contextlib
import io
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.events import Stream
from clusterkit.transports import shell
from clusterkit.transports.lines import OnBytes
from clusterkit.transports.pid_line import PidLine
from clusterkit.transports.streams import StreamTransport

if TYPE_CHECKING:
    import docker

_STREAMS: dict[int, Stream] = {1: "stdout", 2: "stderr"}
_KILLED = 137
_LONGEST_PAUSE_S = 0.1
_STOPPING_S = 1.0


class DockerTransport(StreamTransport):
    """Starts programs in one running container; any number of threads may use it."""

    def __init__(self, node: str, container: str) -> None:
        super().__init__(node)
        self.container = container
        self._client: docker.APIClient | None = None
        self._opening = threading.Lock()

    def close(self) -> None:
        """Give back the connections to the engine."""
        with self._opening:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _open(self, command: Command) -> DockerSession:
        import docker.errors
        from requests.exceptions import RequestException

        client = self._connected()
        try:
            number = client.exec_create(
                self.container,
                list(shell.script(shell.EXEC_WHEN_TOLD, *shell.program(command))),
                environment=dict(command.env),
                stdin=True,
            )["Id"]
            stream = client.exec_start(number, socket=True)
        except docker.errors.NotFound as error:
            raise TransportError(
                self.node,
                f"there is no container {self.container}. Fix: `clusterkit up INVENTORY`",
            ) from error
        except docker.errors.APIError as error:
            raise TransportError(
                self.node,
                f"container {self.container} runs no command: {error.explanation}. "
                "Fix: `clusterkit up INVENTORY`",
            ) from error
        except RequestException as error:
            from clusterkit.transports.docker_client import no_answer

            raise TransportError(self.node, no_answer(error)) from error
        return DockerSession(client, self.container, number, stream, self)

    def _connected(self) -> docker.APIClient:
        from clusterkit.transports.docker_client import connect

        with self._opening:
            if self._client is None:
                self._client = connect(self.node)
            return self._client


class DockerSession:
    """One exec. The engine makes its program the leader of a process group."""

    def __init__(
        self,
        client: docker.APIClient,
        container: str,
        number: str,
        stream: Any,
        transport: DockerTransport,
    ) -> None:
        self._client = client
        self._container = container
        self._number = number
        self._stream = stream
        self._transport = transport
        self._pid: PidLine | None = None
        self._reading = threading.Event()
        self._signalled = False
        # The SDK hands over Python's file around the socket, which can close no single direction.
        self._socket: socket.socket = stream._sock
        self._socket.settimeout(None)
        self._socket.sendall(b"\n")  # we listen; bytes that came with the headers would be lost

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._socket.sendall(data)

    def close_stdin(self) -> None:
        """Send the end of stdin."""
        self._socket.shutdown(socket.SHUT_WR)

    def signal(self, name: str) -> None:
        """Signal the process group by a second command."""
        self._signalled = True
        self._reading.wait()
        pid = self._pid.wait() if self._pid else None
        if pid is not None:
            self._transport.kill(name, pid)

    def read(self, take: OnBytes) -> None:
        """Hand over both streams, which come in frames, up to their ends."""
        self._pid = PidLine(take)
        self._reading.set()
        frames = io.BufferedReader(self._stream, 1 << 16)
        while len(header := frames.read(8)) == 8:
            number, size = struct.unpack(">BxxxL", header)
            self._pid.take(_STREAMS[number], frames.read(size))
        frames.detach()  # or its end would close the socket
        for stream in _STREAMS.values():
            self._pid.take(stream, b"")

    def exit_code(self) -> int:
        """The exit code, which the engine knows a moment after the streams have ended."""
        code = self._ended()
        if code == _KILLED and not self._signalled and self._container_stopped():
            raise ConnectionError(_stopped(self._container))
        return code

    def close(self) -> None:
        """Close the connection of this exec."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._stream._response.close()

    def _ended(self) -> int:
        pause_s = 0.001
        while (seen := self._state(self._client.exec_inspect, self._number))["Running"]:
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        if seen["ExitCode"] is None:
            raise ConnectionError(_stopped(self._container))
        code: int = seen["ExitCode"]
        return code

    def _container_stopped(self) -> bool:
        """Whether it was the container that ended; the engine knows that a moment later."""
        give_up = time.monotonic() + _STOPPING_S
        while self._state(self._client.inspect_container, self._container)["State"]["Running"]:
            if time.monotonic() > give_up:
                return False
            time.sleep(_LONGEST_PAUSE_S)
        return True

    def _state(self, inspect: Any, what: str) -> dict[str, Any]:
        from docker.errors import DockerException
        from requests.exceptions import RequestException

        try:
            state: dict[str, Any] = inspect(what)
        except (DockerException, RequestException) as error:
            raise ConnectionError(
                f"container {self._container} was lost: {error}. "
                "Fix: see that Docker answers (`docker ps`), and run it again"
            ) from error
        return state


def _stopped(container: str) -> str:
    return (
        f"container {container} stopped while the program ran. Fix: `docker logs {container}` "
        "may say why; start it again with `clusterkit up INVENTORY`"
    )

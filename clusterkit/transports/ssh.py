"""Run commands on a machine over SSH: one connection a node, a channel a command.

Fabric opens the connection; commands go over the paramiko channels below it, for
``Connection.run`` (Fabric 3.2.3) does not quote ``env``, feeds ``in_stream`` one byte in 10 ms,
leaves the program running after a time-out, and serves one thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from clusterkit.command import Command
from clusterkit.errors import TransportError
from clusterkit.model.machine import Login
from clusterkit.transports import shell
from clusterkit.transports.base import Link
from clusterkit.transports.lines import OnBytes
from clusterkit.transports.pid_line import PidLine
from clusterkit.transports.ssh_address import SshAddress
from clusterkit.transports.streams import StreamTransport

if TYPE_CHECKING:
    import paramiko

    from clusterkit.transports.ssh_connection import VerifiedConnection

__all__ = ["SshAddress", "SshTransport"]

_CHUNK_BYTES = 1 << 16
_WINDOW_BYTES = 1 << 24
_PACKET_BYTES = 1 << 17
_SESSION_TIMEOUT_S = 60.0
_RETRY_S = 0.05
_GIVEN_UP_FOR_S = 30.0  # whoever asks a silent machine next need not wait for it once more


class SshTransport(StreamTransport):
    """Keeps one connection open; any number of threads may use it."""

    def __init__(
        self, node: str, address: SshAddress, through: SshTransport | None = None
    ) -> None:
        super().__init__(node)
        self.address = address
        self._through = through
        self._connection: VerifiedConnection | None = None
        self._opening = threading.Lock()
        self._failures: list[TransportError] = []
        self._given_up_until = 0.0
        self._give_back: list[Callable[[], None]] = []
        self._asking = threading.Lock()  # paramiko keeps one error for all who open a session

    def login(self) -> Login:
        """How the machine let us in: the user, the port, and the host key that it proved."""
        transport = self._connected()
        key = transport.get_remote_server_key()
        with self._opening:
            connection = self._connection
            assert connection is not None  # noqa: S101 - it was opened above
            keys = (f"{key.get_name()} {key.get_base64()}",)
            return Login(connection.user, connection.port, keys)

    def connection(self) -> VerifiedConnection:
        """The open connection, to go through this machine to another."""
        self._connected()
        with self._opening:
            assert self._connection is not None  # noqa: S101 - it was opened above
            return self._connection

    def dial(self, argv: tuple[str, ...]) -> paramiko.Channel:
        """A channel whose other end is a program there; it has the methods of a socket.

        The program must be one that is spoken to first.
        """
        channel = self._channel()
        channel.exec_command(shell.ssh_line(Command(argv)))
        channel.settimeout(_SESSION_TIMEOUT_S)
        pid = PidLine(lambda _stream, _data: None)
        try:
            while pid.pid is None and (data := channel.recv(1)):
                pid.take("stdout", data)  # what a ~/.bashrc prints is no part of the talk
        except TimeoutError as error:
            channel.close()
            raise TransportError(
                self.node,
                f"the login shell at {self.address} did not start `{argv[0]}` within "
                f"{_SESSION_TIMEOUT_S:g} s. Fix: see what its startup files wait for",
            ) from error
        return channel

    def connect(self, address: str, port: int) -> Link:
        """Reach a port through sshd; where that forwards nothing, through a program there."""
        from clusterkit.transports.ssh_forward import forwarded

        with self._asking:
            link = forwarded(self._connected(), address, port, self.address.connect_timeout_s)
        return link or super().connect(address, port)

    def when_full(self, give_back: Callable[[], None]) -> None:
        """Have ``give_back`` called, to close idle channels, where sshd opens no more."""
        self._give_back.append(give_back)

    def close(self) -> None:
        """Close the connection; the next command opens it again, whatever was seen before."""
        self._given_up_until = 0.0
        if self._opening.acquire(blocking=False):
            try:
                self._drop()
            finally:
                self._opening.release()
        elif connection := self._connection:  # it is being opened: whoever does that finds it shut
            connection.client.close()

    def answers(self, within_s: float) -> bool:
        """Whether the machine says anything now; who is not connected to it has nothing to ask."""
        if not self._opening.acquire(timeout=within_s):
            return False
        try:
            connection = self._connection
        finally:
            self._opening.release()
        if connection is None or not connection.is_connected:
            return True
        answers: bool = connection.transport.answers(within_s)
        return answers

    def give_up(self) -> None:
        """Break the connection, and try no other for a while: nobody waits for this machine."""
        left = TransportError(self.node, f"{self.address} did not answer, and was left")
        self.close()
        self._give_up(left, for_s=_GIVEN_UP_FOR_S)

    def _open(self, command: Command) -> SshSession:
        channel = self._channel()
        try:
            channel.exec_command(shell.ssh_line(command))
        except Exception as error:
            channel.close()
            raise TransportError(
                self.node,
                f"the connection to {self.address} was lost: {error}. "
                "Fix: see `clusterkit status`, and run it again",
            ) from error
        return SshSession(channel, self)

    def _channel(self) -> paramiko.Channel:
        """A new channel; over a new connection where the old one broke."""
        from paramiko import ChannelException

        from clusterkit.transports.ssh_connection import is_silence, why_broken

        give_up = time.monotonic() + _SESSION_TIMEOUT_S
        reopened = False
        while True:
            transport = self._connected()
            try:
                with self._asking:
                    return transport.open_session(
                        window_size=_WINDOW_BYTES,
                        max_packet_size=_PACKET_BYTES,
                        timeout=self.address.connect_timeout_s,
                    )
            except ChannelException as error:  # sshd's MaxSessions: wait until one ends
                if time.monotonic() > give_up:
                    raise TransportError(
                        self.node,
                        f"{self.address} opens no more sessions: {error}. "
                        "Fix: raise MaxSessions in its sshd_config",
                    ) from error
                for give_back in self._give_back:
                    give_back()
                time.sleep(_RETRY_S)
            except Exception as error:
                with self._opening:
                    if self._connection and self._connection.transport is transport:
                        self._drop()
                why = why_broken(transport, error)
                failure = self._unreachable(why)
                if is_silence(why):
                    self._give_up(failure, for_s=_GIVEN_UP_FOR_S)
                if reopened or is_silence(why):
                    raise failure from error
                reopened = True

    def _connected(self) -> paramiko.Transport:
        from clusterkit.transports.ssh_connection import VerifiedConnection, is_silence

        failures = len(self._failures)
        if time.monotonic() < self._given_up_until:
            raise self._failures[-1]  # it was tried a moment ago; it may even be tried still
        with self._opening:
            if len(self._failures) > failures:  # it was tried while we waited
                raise self._failures[-1]
            if self._connection is None or not self._connection.is_connected:
                self._drop()
                try:
                    gateway = self._through.connection() if self._through else None
                    connection = VerifiedConnection(self.address, gateway)
                    self._connection = connection
                    connection.open()
                except Exception as error:  # paramiko lets through what sockets and keys raise
                    self._drop()
                    failure = self._unreachable(error)
                    self._give_up(failure, for_s=_GIVEN_UP_FOR_S if is_silence(error) else 0.0)
                    raise failure from error
            transport: paramiko.Transport = self._connection.transport
            return transport

    def _give_up(self, failure: TransportError, *, for_s: float) -> None:
        self._failures.append(failure)
        self._given_up_until = time.monotonic() + for_s

    def _unreachable(self, error: Exception) -> TransportError:
        from clusterkit.transports.ssh_connection import explain

        if isinstance(error, TransportError):  # of the machine through which this one is reached
            return error
        return TransportError(self.node, explain(error, self.address))

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SshSession:
    """One channel. sshd makes its program the leader of a process group."""

    def __init__(self, channel: paramiko.Channel, transport: SshTransport) -> None:
        self._channel = channel
        self._transport = transport
        self._pid: PidLine | None = None
        self._reading = threading.Event()

    def write(self, data: bytes) -> None:
        """Send all of ``data``, as fast as the window opens."""
        send_all(self._channel, data)

    def close_stdin(self) -> None:
        """Send the end of stdin."""
        self._channel.shutdown_write()

    def signal(self, name: str) -> None:
        """Signal the process group by a second command."""
        self._reading.wait()
        pid = self._pid.wait() if self._pid else None
        if pid is not None:
            self._transport.kill(name, pid)

    def read(self, take: OnBytes) -> None:
        """Hand over both streams up to their ends."""
        self._pid = PidLine(take)
        self._reading.set()
        _hand_over(self._channel, self._pid.take)

    def exit_code(self) -> int:
        """The exit code; ConnectionError where the channel ended without one."""
        code: int = self._channel.recv_exit_status()
        if code < 0:
            is_silent = getattr(self._channel.transport, "is_silent", False)
            what = "stopped answering" if is_silent else "was lost"
            raise ConnectionError(
                f"the connection to {self._transport.address} {what} while the program ran. "
                "Fix: see `clusterkit status`, and run it again"
            )
        return code

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()


def send_all(channel: paramiko.Channel, data: bytes) -> None:
    """Send all of ``data``, piece by piece: paramiko copies what is left after each packet."""
    view = memoryview(data)
    for start in range(0, len(view), _CHUNK_BYTES):
        channel.sendall(bytes(view[start : start + _CHUNK_BYTES]))


def _hand_over(channel: paramiko.Channel, take: OnBytes) -> None:
    """Read both streams as they come, up to their ends, in one thread."""
    came = threading.Event()
    channel.in_buffer.set_event(came)
    channel.in_stderr_buffer.set_event(came)
    while True:
        ended = channel.eof_received or channel.closed  # asked first: nothing comes after it
        is_out, is_err = channel.recv_ready(), channel.recv_stderr_ready()
        if is_out:
            take("stdout", channel.recv(_CHUNK_BYTES))
        if is_err:
            take("stderr", channel.recv_stderr(_CHUNK_BYTES))
        if not is_out and not is_err:  # only reading clears the event, so none is missed
            if ended:
                break
            came.wait()
    take("stdout", b"")
    take("stderr", b"")

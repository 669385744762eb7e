"""One connection to a jump host, for all machines that are reached through it.

A connection for each of hundreds would meet the limit of its sshd (MaxStartups), which then turns
some away by chance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary, finalize

import paramiko

from clusterkit.transports.ssh_address import SshAddress

if TYPE_CHECKING:
    from clusterkit.transports.ssh_connection import VerifiedConnection

_CONNECT_FAILED = 2  # as RFC 4254 numbers it


class GatewayFailed(Exception):
    """The machine through which another is reached cannot be used."""

    def __init__(self, gateway: SshAddress, cause: Exception) -> None:
        self.gateway, self.cause = gateway, cause
        super().__init__(f"through {gateway}: {cause}")


class BehindGateway(Exception):
    """The gateway can be used, but does not get through to the machine behind it."""

    def __init__(self, gateway: SshAddress) -> None:
        self.gateway = gateway
        super().__init__(f"cannot be reached from {gateway}")


class Gateway:
    """A jump host whose connection is opened when it is first needed."""

    def __init__(self, address: SshAddress, connect: Callable[[SshAddress], Any]) -> None:
        self.address = address
        self._connect = connect
        self._connection: VerifiedConnection | None = None
        self._opening = threading.Lock()

    def channel(self, host: str, port: int, timeout_s: float) -> Any:
        """What looks like a socket that is connected to ``host``."""
        transport = self._opened()
        try:
            return transport.open_channel("direct-tcpip", (host, port), ("", 0), timeout=timeout_s)
        except paramiko.ChannelException as error:
            if error.code == _CONNECT_FAILED:
                raise BehindGateway(self.address) from error
            raise GatewayFailed(self.address, error) from error
        except paramiko.SSHException as error:
            if transport.is_active():  # it waited for the machine behind
                raise TimeoutError(str(error)) from error
            raise GatewayFailed(self.address, error) from error

    def _opened(self) -> paramiko.Transport:
        with self._opening:
            if self._connection is None or not self._connection.is_connected:
                try:
                    connection = self._connect(self.address)
                    connection.open()
                except Exception as error:
                    raise GatewayFailed(self.address, error) from error
                self._connection = connection
                finalize(self, connection.close)  # when the last of those behind it has gone
            transport: paramiko.Transport = self._connection.transport
            return transport


_GATEWAYS: WeakValueDictionary[SshAddress, Gateway] = WeakValueDictionary()
_SHARING = threading.Lock()


def shared_gateway(address: SshAddress, connect: Callable[[SshAddress], Any]) -> Gateway:
    """The gateway at ``address``: the one that others go through already, if any."""
    with _SHARING:
        gateway = _GATEWAYS.get(address)
        if gateway is None:
            gateway = _GATEWAYS[address] = Gateway(address, connect)
        return gateway

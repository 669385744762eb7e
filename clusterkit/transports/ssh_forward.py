"""Reach a port of a machine through its sshd."""

from __future__ import annotations

import paramiko

from clusterkit.transports.link import ChannelLink

_WINDOW_BYTES = 1 << 21  # of one connection, so much lies here where nobody reads it
_CONNECT_FAILED = 2  # as RFC 4254 numbers it


def forwarded(
    transport: paramiko.Transport, address: str, port: int, timeout_s: float
) -> ChannelLink | None:
    """The connection; None where sshd forwards nothing, or not there.

    Raises:
        ConnectionRefusedError: If nobody listens there.
        ConnectionResetError: If the machine does not answer any more.
    """
    try:
        channel = transport.open_channel(
            "direct-tcpip",
            (address, port),
            ("127.0.0.1", 0),
            window_size=_WINDOW_BYTES,
            timeout=timeout_s,
        )
    except paramiko.ChannelException as error:
        if error.code == _CONNECT_FAILED:
            raise ConnectionRefusedError(f"nobody listens at {address}:{port}") from error
        return None
    except (paramiko.SSHException, OSError, EOFError) as error:
        raise ConnectionResetError(f"the connection to the node was lost: {error}") from error
    return ChannelLink(channel)

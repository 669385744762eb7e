"""Carry bytes between stdin and stdout and a TCP port of this node: `… ADDRESS PORT`.

One `+` on stdout says that it is connected. It runs with any Python from 3.8 on, without a file.
"""

from __future__ import annotations

import os
import socket
import sys
import threading

_CHUNK_BYTES = 1 << 16


def main() -> None:
    """Connect, then carry both ways until the other side has ended."""
    try:
        other = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    except OSError as error:
        sys.exit(error.strerror or str(error))
    write(1, b"+")
    threading.Thread(target=send, args=(other,), daemon=True).start()
    try:
        data = other.recv(_CHUNK_BYTES)
        while data:
            write(1, data)
            data = other.recv(_CHUNK_BYTES)
    except OSError as error:
        sys.exit(error.strerror or str(error))
    os._exit(0)  # the thread may wait for stdin


def send(other: socket.socket) -> None:
    """Carry stdin; its end is the other's end."""
    try:
        data = os.read(0, _CHUNK_BYTES)
        while data:
            other.sendall(data)
            data = os.read(0, _CHUNK_BYTES)
        other.shutdown(socket.SHUT_WR)
    except OSError:  # the other side is gone, which the main thread hears as well
        return


def write(fd: int, data: bytes) -> None:
    """Write all of it."""
    while data:
        data = data[os.write(fd, data) :]


if __name__ == "__main__":
    main()

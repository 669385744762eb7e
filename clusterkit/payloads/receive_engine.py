"""Take an engine's files from the node before, and pass on what later nodes need.

It is started by `push_engine` on the head, whose orders come as lines of JSON on stdin; answers
go to stdout. The bytes come by TCP on the cluster network, from whoever has the token. When stdin
ends, the head is gone: what has come so far stays, so that another push goes on from there.
"""

from __future__ import annotations

import errno
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any, NoReturn, Optional

from clusterkit.payloads.publishing import why_not_written
from clusterkit.payloads.push_files import Incoming
from clusterkit.payloads.push_plan import Part
from clusterkit.payloads.push_protocol import BEAT_S
from clusterkit.payloads.push_relay import STOPPED, Broken, Relay

_ORDERS: queue.Queue[Any] = queue.Queue()


def main() -> NoReturn:
    """Exit with 0: the engine's files are published; 1: they are not, and it was told why."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: os._exit(128 + number))
    threading.Thread(target=_read_orders, daemon=True).start()
    order = _ORDERS.get()
    try:
        receiver = Receiver(order)
        threading.Thread(target=receiver.beat, daemon=True).start()
        receiver.serve()
    except Exception as error:
        tell(event="failed", why=_explained(error, Path(order["folder"])))
        sys.stdout.flush()
        os._exit(1)
    os._exit(0)


def _read_orders() -> NoReturn:
    for line in sys.stdin:
        _ORDERS.put(json.loads(line))
    os._exit(1)


class Receiver:
    """One node of the chain."""

    def __init__(self, order: Any) -> None:
        self.incoming = Incoming(Path(order["folder"]), order["manifest"], order["names"])
        self._sizes = {name: file["size"] for name, file in order["manifest"]["files"].items()}
        self._address = order["address"]
        self._relay: Optional[Relay] = None  # noqa: UP045
        self._round = 0
        self._listener = self._listen()

    def serve(self) -> None:
        """Do as the head says, until all is published."""
        self.incoming.look()
        self._tell_what_is_here()
        while True:
            order = _ORDERS.get()
            if order["event"] == "pass":
                self._round = order["round"]
                self._pass(order)
            elif order["event"] == "publish":
                self.incoming.publish()
                tell(event="placed")
                return

    def beat(self) -> NoReturn:
        """Say that it lives, and how far it is."""
        while True:
            relay, incoming = self._relay, self.incoming
            tell(
                event="beat",
                done=sum(incoming.has.copy().values()),
                looked_at=incoming.looked_at,
                state=relay.state() if relay else None,
            )
            time.sleep(BEAT_S)

    def _pass(self, order: Any) -> None:
        relay = Relay(
            [Part(*part) for part in order["parts"]],
            self._sizes,
            path=self.incoming.path,
            keep=self.incoming.keep,
            listener=self._listener,
            token=order["token"],
            following=order["next"],
        )
        self._relay = relay
        ended: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._run, args=(relay, ended), daemon=True).start()
        fault = None
        while True:
            try:
                fault = ended.get(timeout=0.05)
                break
            except queue.Empty:
                pass
            if not _ORDERS.empty() and _ORDERS.get()["event"] == "halt":
                relay.stop()
        self._relay = None
        if fault and fault.side == "here" and fault.why != STOPPED:
            raise fault.__cause__ or fault
        self._listener.close()
        self._listener = self._listen()
        self._tell_what_is_here(fault)

    def _run(self, relay: Relay, ended: queue.Queue[Any]) -> None:
        try:
            relay.run()
        except Broken as fault:
            ended.put(fault)
        else:
            ended.put(None)

    def _listen(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._address else socket.AF_INET
        listener = socket.socket(family)
        listener.bind((self._address, 0))
        listener.listen(16)
        return listener

    def _tell_what_is_here(self, fault: Optional[Broken] = None) -> None:  # noqa: UP045
        tell(
            event="here",
            round=self._round,
            has=self.incoming.has,
            bad=self.incoming.took_bad(),
            port=self._listener.getsockname()[1],
            broken=[fault.side, fault.why] if fault else None,
        )


_LOCK = threading.Lock()


def tell(**row: Any) -> None:
    """Answer the head; two threads do."""
    with _LOCK:
        print(json.dumps(row), flush=True)


def _explained(error: BaseException, target: Path) -> str:
    if why := why_not_written(error, target):
        return why
    if isinstance(error, OSError) and error.errno == errno.EBUSY:
        return f"{error.strerror}. Fix: wait for it to end, and run the same command again"
    if isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL:
        return "it has not the address that it had. Fix: run `clusterkit up INVENTORY` again"
    why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
    return f"{why}. Fix: run the same command again"

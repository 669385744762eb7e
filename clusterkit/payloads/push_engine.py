"""Bring an engine's files to the nodes that need them, from node to node: `push_engine CONFIG`.

The first line of stdin is the order: the engine's folder, and name, address, Python, payloads and
files of each node. ssh, with the configuration CONFIG of the cluster, starts `receive_engine`
there and carries orders and answers; the bytes go by TCP along a chain that begins here. Each node
keeps what it needs and passes on what later ones need. When a node fails, the chain is formed anew
around it. How it goes is told in lines of JSON on stdout. stdin is a lifeline: when it ends, the
one who asked is gone, and all of it ends; what has come so far stays, for the next push.
"""

from __future__ import annotations

import json
import os
import queue
import secrets
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, NoReturn, Optional, Set, Tuple  # noqa: UP035

from clusterkit.payloads.convert import tell
from clusterkit.payloads.model_folder import sha256
from clusterkit.payloads.model_protocol import MANIFEST
from clusterkit.payloads.push_nodes import Node
from clusterkit.payloads.push_plan import culprit, parts
from clusterkit.payloads.push_protocol import SILENCE_S, STANDSTILL_S
from clusterkit.payloads.push_relay import STOPPED, Broken, Relay

_AGAIN = "Fix: run the same command again; it goes on from what has come"


def main() -> NoReturn:
    """Exit with 0: all have what they need; 1: those that were told of as failed do not."""
    push = Push(sys.argv[1], json.loads(sys.stdin.readline()))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: push.abandon())
    threading.Thread(target=push.end_with_stdin, daemon=True).start()
    all_have_it = push.run()
    sys.stdout.flush()
    os._exit(0 if all_have_it else 1)


class Push:
    """One push, round by round; a round is one passage of what is missing along the chain."""

    def __init__(self, config: str, order: Mapping[str, Any]) -> None:
        self._folder = Path(order["folder"])
        self._manifest = json.loads((self._folder / MANIFEST).read_bytes())
        self._sizes = {name: file["size"] for name, file in self._manifest["files"].items()}
        self._config, self._order = config, order
        self._silence_s: float = order.get("silence_s", SILENCE_S)
        self._standstill_s: float = order.get("standstill_s", STANDSTILL_S)
        self._heard: queue.Queue[Any] = queue.Queue()
        self._nodes: List[Node] = []  # noqa: UP006
        self._chain: List[Node] = []  # noqa: UP006
        self._failed: Dict[str, str] = {}  # noqa: UP006
        self._breaks: Dict[Tuple[str, str], int] = {}  # noqa: UP006
        self._round = 0
        self._relay: Optional[Relay] = None  # noqa: UP045
        self._sending: Optional[threading.Thread] = None  # noqa: UP045
        self._fault: Optional[Tuple[str, str, str]] = None  # noqa: UP006, UP045 - from, to, why
        self._verified: Set[str] = set()  # noqa: UP006

    def run(self) -> bool:
        """Go on until every node has what it needs or has failed; whether all have it."""
        for row in self._order["nodes"]:
            node = Node(row, self._config, self._heard)
            self._nodes.append(node)
            node.listen(
                {
                    "event": "receive",
                    "folder": row.get("folder", str(self._folder)),
                    "manifest": self._manifest,
                    "names": row["names"],
                    "address": node.address,
                }
            )
        self._wait(lambda: all(node.has is not None for node in self._alive()))
        while chain := [node for node in self._alive() if self._lacks(node)]:
            self._publish()
            self._pass(chain)
        self._publish()
        return not self._failed

    def abandon(self) -> NoReturn:
        """End at once."""
        for node in self._nodes:
            node.end()
        os._exit(1)

    def end_with_stdin(self) -> NoReturn:
        """Wait for the end of stdin, then end."""
        while os.read(0, 4096):
            pass
        self.abandon()

    def _alive(self) -> List[Node]:  # noqa: UP006
        return [node for node in self._nodes if not node.ended]

    def _lacks(self, node: Node) -> bool:
        return any(done < self._sizes[name] for name, done in (node.has or {}).items())

    def _publish(self) -> None:
        """Have those end that lack nothing."""
        for node in self._alive():
            if not self._lacks(node):
                node.publishes = time.monotonic()
                node.tell(event="publish")
        self._wait(lambda: all(self._lacks(node) for node in self._alive()))

    def _pass(self, chain: List[Node]) -> None:  # noqa: UP006
        """One round."""
        self._round += 1
        self._chain, self._fault = chain, None
        plan = parts(self._sizes, [dict(self._sizes), *(node.has or {} for node in chain)])
        entries = [
            {"address": node.address, "port": node.port, "token": secrets.token_hex(32)}
            for node in chain
        ]
        for index, node in enumerate(chain):
            following = (
                entries[index + 1] if any(p.passed is not None for p in plan[index + 1]) else None
            )
            node.tell(
                event="pass",
                round=self._round,
                parts=plan[index + 1],
                token=entries[index]["token"],
                next=following,
            )
        self._relay = Relay(plan[0], self._sizes, path=self._folder.joinpath, following=entries[0])
        self._sending = threading.Thread(target=self._send, args=(self._relay,), daemon=True)
        self._sending.start()
        self._wait(lambda: not self._is_sending() and not self._under_way())
        self._relay = None
        self._blame()

    def _send(self, relay: Relay) -> None:
        try:
            relay.run()
        except Broken as fault:
            self._heard.put((None, {"event": "broken", "side": fault.side, "why": fault.why}))

    def _is_sending(self) -> bool:
        return self._sending is not None and self._sending.is_alive()

    def _under_way(self) -> List[Node]:  # noqa: UP006
        return [node for node in self._chain if not node.ended and node.round != self._round]

    def _wait(self, done: Callable[[], bool]) -> None:
        """Listen to the nodes until ``done()``; those that fall silent or stand still fail."""
        while not done():
            try:
                node, row = self._heard.get(timeout=0.2)
            except queue.Empty:
                pass
            else:
                self._take(node, row)
            self._judge()

    def _take(self, node: Optional[Node], row: Mapping[str, Any]) -> None:  # noqa: UP045
        event = row["event"]
        if node is None:
            self._break("", row["side"], row["why"])
        elif node.ended:
            pass
        elif event == "beat":
            node.take_beat(row)
            total = sum(self._sizes[name] for name in node.has or {})
            if total:
                tell(event="progress", node=node.name, done=node.done, total=total)
        elif event == "here":
            node.has, node.port, node.round, node.state = (
                row["has"],
                row["port"],
                row["round"],
                None,
            )
            for name in row["bad"]:
                self._note_bad(node, name)
            if row["broken"] and node.round:
                self._break(node.name, *row["broken"])
        elif event == "placed":
            node.ended = True
            tell(event="placed", node=node.name)
        elif event == "failed":
            self._fail(node, row["why"])
        elif event == "ended":
            self._fail(node, f"{row['why']}. {_AGAIN}")

    def _break(self, name: str, side: str, why: str) -> None:
        """Note the first break of a round, and have all others come to rest."""
        if self._fault is None and why != STOPPED:
            names = ["", *(node.name for node in self._chain)]
            at = names.index(name)
            if side == "previous":
                self._fault = (names[at - 1], name, why)
            elif side == "next":
                self._fault = (name, names[at + 1], why)
            else:
                self._fault = (name, "", why)
        self._halt()

    def _halt(self) -> None:
        if self._relay:
            self._relay.stop()
        for node in self._under_way():
            node.tell(event="halt", round=self._round)

    def _fail(self, node: Node, why: str) -> None:
        node.ended = True
        node.end()
        self._failed[node.name] = why
        tell(event="failed", node=node.name, why=why)
        if self._relay and node in self._chain:
            self._halt()

    def _blame(self) -> None:
        """After a break that no node's end explains, twice at one place, its lower end fails."""
        if self._fault is None or any(node.name in self._failed for node in self._chain):
            return
        upper, lower, why = self._fault
        if not lower and not upper:
            for node in self._alive():
                self._fail(node, f"the head cannot read the engine: {why}. Fix: build it again")
            return
        self._breaks[upper, lower] = self._breaks.get((upper, lower), 0) + 1
        if self._breaks[upper, lower] > 1:
            node = next(each for each in self._chain if each.name == lower)
            self._fail(node, self._link(upper, node, why))

    def _link(self, upper: str, node: Node, why: str) -> str:
        return (
            f"{upper or 'the head'} cannot send to it at {node.address}: {why.lower()}. Fix: let "
            "the nodes reach each other on all TCP ports of the cluster network, as MPI needs it "
            "too, then run the same command again"
        )

    def _note_bad(self, node: Node, name: str) -> None:
        tell(event="bad", node=node.name, file=name)
        if name not in self._verified:
            self._verified.add(name)
            if sha256(self._folder / name) != self._manifest["files"][name]["sha256"]:
                why = (
                    f"{self._folder}/{name} on the head is damaged. "
                    "Fix: run `clusterkit build --verify`, which builds it again"
                )
                for each in self._alive():
                    self._fail(each, why)

    def _judge(self) -> None:
        now = time.monotonic()
        for node in self._alive():
            if now - node.spoke > self._silence_s:
                self._fail(node, f"it has said nothing for {self._silence_s:g} s. {_AGAIN}")
            elif node.has is None and now - node.moved > self._standstill_s:
                self._fail(node, f"its disk gives nothing for {self._standstill_s:g} s. {_AGAIN}")
            elif node.publishes and now - node.publishes > self._standstill_s:
                self._fail(node, f"its disk does nothing for {self._standstill_s:g} s. {_AGAIN}")
        if self._relay:
            states = [
                self._relay.state() if self._is_sending() else None,
                *(
                    None if node.ended or node.round == self._round else node.state or {}
                    for node in self._chain
                ),
            ]
            if found := culprit(states, self._standstill_s):
                self._stop_for(*found)

    def _stop_for(self, index: int, step: str) -> None:
        if index == 0:
            for node in self._alive():
                self._fail(
                    node, f"the head's disk gives nothing for {self._standstill_s:g} s. {_AGAIN}"
                )
            return
        node = self._chain[index - 1]
        if step == "link":
            upper = self._chain[index - 2].name if index > 1 else ""
            self._fail(
                node, self._link(upper, node, f"nothing got through for {self._standstill_s:g} s")
            )
        else:
            self._fail(node, f"its disk does nothing for {self._standstill_s:g} s. {_AGAIN}")

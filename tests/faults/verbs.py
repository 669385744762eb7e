"""The words of verbs, and how a case is made of one and a fault."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.faults.case import Breaks, Case, Done
from tests.faults.room import Room

_HERE = Path(__file__).parent


def _model(room: Room) -> Path:
    """The model that was built."""
    return room.model("small")


RUN = ("run", "--", _HERE / "rank_waits.py")
RING = ("run", "--stall-timeout", "6", "--", _HERE / "rank_rings.py")
ENDS = ("run", "--", _HERE / "rank_ends.py")
EATS = ("run", "--", _HERE / "rank_eats.py")
_ASK = ("infer", "--raw", "--model", _model, "--prompt")
INFER = (*_ASK, "Tell me a long story.", "--max-tokens", "1500")
HANGS = (*INFER, "--stall-timeout", "20")
SHORT = (*_ASK, "Hello", "--max-tokens", "8")
BUILD = ("build", "--model", lambda room: room.model("unbuilt"))
REBUILD = ("build", "--model", _model)
SERVE = ("serve", "--model", _model, "--pp", "2")
UP = ("up", lambda room: room.file, "--yes")
DOWN = ("down", "--yes")

WAITING = "(rank . waits.*){3}"
TOKENS = r".{20}"
URL = "http://"
CREATED = "create container"
STARTED = "start container .*node2"
REMOVED = "remove container"

NODE2 = "node2"
RANK1 = "rank 1 on node2"
OOM = f"{RANK1} was killed: its memory limit"
FULL1, FULL2 = (f"{node}.*(space|disk)" for node in ("node1", NODE2))
GONE = (1, 3, 4)
"""The exit codes of what cannot be reached."""


def run(fault: str, breaks: Breaks, names: str | None, *codes: int, **more: object) -> Case:
    """A fault while ranks of a script wait for their end."""
    given = {"words": RUN, "moment": WAITING, "second": ENDS} | more
    return Case(fault, "run", breaks=breaks, names=names, codes=codes or (1,), **given)  # type: ignore[arg-type]


def infer(fault: str, breaks: Breaks, names: str | None, *codes: int, **more: object) -> Case:
    """A fault while tokens come."""
    given = {"words": INFER, "moment": TOKENS, "second": SHORT} | more
    return Case(fault, "infer", breaks=breaks, names=names, codes=codes or (1,), **given)  # type: ignore[arg-type]


def serve(fault: str, breaks: Breaks, names: str | None, *codes: int, **more: object) -> Case:
    """A fault while a server has nothing to do."""
    given = {"words": SERVE, "moment": URL, "second": serve_and_stop} | more
    return Case(fault, "serve", breaks=breaks, names=names, codes=codes or (1,), **given)  # type: ignore[arg-type]


def serve_and_stop(room: Room) -> Done:
    """Serve until there is a URL, then end it by Ctrl-C: that ends well if there was one."""
    running = room.start(*SERVE)
    answers = running.until(lambda text: URL in text, 120)
    os.killpg(running.process.pid, signal.SIGINT)
    code = running.end(60)
    is_well = answers and code in (0, 130)
    return Done([], 0 if is_well else code or 1, running.stdout, running.text)


def up(fault: str, breaks: Breaks, names: str | None, *codes: int, **more: object) -> Case:
    """A fault while nodes are made anew."""
    given = {"words": UP, "moment": STARTED, "first": without_nodes} | more
    return Case(fault, "up", breaks=breaks, names=names, codes=codes, **given)  # type: ignore[arg-type]


def build(fault: str, breaks: Breaks, names: str | None, *codes: int, **more: object) -> Case:
    """A fault while the head receives a model."""
    given = {"words": BUILD, "moment": is_placing, "first": unbuilt} | more
    return Case(fault, "build", breaks=breaks, names=names, codes=codes, **given)  # type: ignore[arg-type]


def down(fault: str, breaks: Breaks, names: str | None, *codes: int, **more: object) -> Case:
    """A fault once the first node is gone: `down` is stopped, and the second try is another."""
    given = {"words": DOWN, "moment": REMOVED} | more
    return Case(fault, "down", breaks=breaks, names=names, codes=codes, **given)  # type: ignore[arg-type]


def before(
    fault: str,
    words: tuple[object, ...],
    breaks: Breaks,
    names: str | None,
    *codes: int,
    **more: object,
) -> Case:
    """A fault that is there when the verb starts."""
    verb = str(words[0])
    codes = codes or (0,)
    first = unbuilt if words is BUILD else None
    given = {"first": first, "is_gone": verb == "down" and 0 in codes} | more
    return Case(fault, verb, words, breaks, names, codes, **given)  # type: ignore[arg-type]


def unbuilt(room: Room) -> None:
    """The model that `build` is to place is not there."""
    room.inside("node1", "sh", "-c", "rm -rf /shared/clusterkit/models/unbuilt-*")
    room.model("unbuilt")


def built(room: Room) -> None:
    """The model that `infer` asks is on the storage."""
    done = room.controller(*room.words(REBUILD), timeout_s=300)
    if done.returncode:
        raise RuntimeError(done.stderr)


def without_nodes(room: Room) -> None:
    """All nodes but the head are gone: `up` makes them anew."""
    for number in range(2, room.nodes + 1):
        room.container(f"node{number}").remove(force=True)


def is_placing(room: Room) -> bool:
    """Whether the head has begun to write the model."""
    look = 'find /shared/clusterkit/models -name "*.upload" 2>/dev/null; true'
    return bool(room.inside("node1", "sh", "-c", look))

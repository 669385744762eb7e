"""All cases. The order is that of the table."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.faults import breaking
from tests.faults.breaking import lab, signalled
from tests.faults.case import Breaks, Case
from tests.faults.room import Room

_HERE = Path(__file__).parent
_INT, _KILL = signal.SIGINT, signal.SIGKILL


def _model(room: Room) -> Path:
    """The model that was built."""
    return room.model("small")


RUN = ("run", "--", _HERE / "rank_waits.py")
RING = ("run", "--stall-timeout", "6", "--", _HERE / "rank_rings.py")
ENDS = ("run", "--", _HERE / "rank_ends.py")
EATS = ("run", "--", _HERE / "rank_eats.py")
INFER = (
    "infer",
    "--raw",
    "--model",
    _model,
    "--prompt",
    "Tell me a long story.",
    "--max-tokens",
    "1500",
)
SHORT = ("infer", "--raw", "--model", _model, "--prompt", "Hello", "--max-tokens", "8")
BUILD = ("build", "--model", lambda room: room.model("unbuilt"))
UP = ("up", lambda room: room.file, "--yes")
DOWN = ("down", "--yes")
WAITING = "(rank . waits.*){3}"
TOKENS = r".{20}"

NODE2 = "node2"
RANK1 = "rank 1 on node2"
OOM = f"{RANK1}.*out of memory"
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
    return Case(fault, verb, words, breaks, names, codes or (0,), is_gone=verb == "down", **more)  # type: ignore[arg-type]


CASES = (
    run("rank SIGKILLed", lab("kill-rank", "1"), RANK1, is_quick=True),
    infer("rank SIGKILLed", lab("kill-rank", "1"), RANK1),
    run("rank hangs", lab("hang-rank", "1"), RANK1, words=RING, within_s=16),
    before(
        "rank out of memory",
        EATS,
        breaking.little_memory,
        f"{RANK1}.*out of memory",
        1,
        second=ENDS,
    ),
    run("node container killed", lab("kill-node", NODE2), NODE2, is_quick=True),
    run("head's container killed", lab("kill-node", "node1"), "node1"),
    infer("node container killed", lab("kill-node", NODE2), NODE2),
    before("node container dead", ENDS, lab("kill-node", NODE2), NODE2, *GONE),
    before("node container dead", UP, lab("kill-node", NODE2), None),
    before("node container dead", BUILD, lab("kill-node", "node1"), "node1", *GONE),
    before("node container dead", DOWN, lab("kill-node", NODE2), None),
    run("node paused", lab("pause", NODE2), NODE2),
    infer("node paused", lab("pause", NODE2), NODE2),
    before("node frozen", ENDS, lab("pause", NODE2), NODE2, *GONE, within_s=20),
    before("node frozen", UP, lab("pause", NODE2), None),
    before("node frozen", DOWN, lab("pause", NODE2), None),
    run("sshd killed", breaking.no_sshd, NODE2),
    before("sshd silent", UP, lab("drop-ssh", NODE2), None, within_s=20),
    before("sshd silent", ENDS, lab("drop-ssh", NODE2), NODE2, *GONE, within_s=20),
    before("sshd silent", DOWN, lab("drop-ssh", NODE2), None, within_s=20),
    run("network cut, both ways", lab("partition", "node1", NODE2), NODE2),
    run("network cut, one way", lab("partition", NODE2, "node1", one_way=True), NODE2),
    run("node off the network", lab("cut", NODE2), NODE2),
    infer("node off the network", lab("cut", NODE2), NODE2),
    before("node off the network", UP, lab("cut", NODE2), None),
    before("node off the network", DOWN, lab("cut", NODE2), None),
    before(
        "disk full on the head",
        ENDS,
        lab("fill-disk", "node1"),
        "node1.*(space|disk)",
        1,
        is_quick=True,
    ),
    before("disk full on a worker", ENDS, lab("fill-disk", NODE2), "node2.*(space|disk)", 1),
    before("disk full on a worker", UP, lab("fill-disk", NODE2), None),
    before("storage full", BUILD, lab("fill-disk", "storage"), "space", 1),
    before("storage full", DOWN, lab("fill-disk", "storage"), None),
    before("storage read-only", BUILD, breaking.read_only_storage, "[Rr]ead-only", 1),
    before("storage read-only", UP, breaking.read_only_storage, "node1: .*not writable", *GONE),
    before("clock two minutes off", ENDS, lab("skew-clock", NODE2, "+2m"), None),
    before("clock two minutes off", SHORT, lab("skew-clock", NODE2, "+2m"), None, within_s=60),
    before("slow link (1 Mbit/s)", ENDS, lab("slow", NODE2, "1mbit"), None, within_s=20),
    before("host key changed", ENDS, breaking.other_host_key, NODE2, *GONE),
    before("host key changed", UP, breaking.other_host_key, None, within_s=20),
    before("host key changed", DOWN, breaking.other_host_key, None),
    run("controller SIGKILLed", signalled(_KILL), None, -9, is_quick=True),
    infer("controller SIGKILLed", signalled(_KILL), None, -9),
    run("controller's network gone", breaking.no_controllers_network, "node1", within_s=20),
    run("Ctrl-C", signalled(_INT), "interrupted", 130),
    infer("Ctrl-C", signalled(_INT), "interrupted", 130),
    run("Ctrl-C twice", signalled(_INT, _INT), "interrupted", 130, is_quick=True),
    infer("Ctrl-C twice", signalled(_INT, _INT), "interrupted", 130),
    before("two `up` at once", UP, breaking.another_up, "is locked: .* runs `clusterkit up`", 5),
    before("stale lock", UP, breaking.killed_up, None, is_quick=True),
    before("corrupted state file", ENDS, breaking.damaged("applied.json"), "applied.json", 1),
    before("corrupted state file", UP, breaking.damaged("applied.json"), None),
    before("corrupted facts file", ENDS, breaking.damaged("facts.json"), "facts.json", 1, 2),
    before("half-written engine", SHORT, breaking.half_an_engine, None, within_s=60),
    run("Docker daemon restarted", breaking.restarted_engine, "node[123]", own_engine=True),
    before("Docker daemon restarted", UP, breaking.restarted_engine, None, own_engine=True),
    before("Docker daemon stopped", UP, breaking.stopped_engine, "Docker", 4, own_engine=True),
    before(
        "Docker daemon stopped", ENDS, breaking.stopped_engine, "node1", *GONE, own_engine=True
    ),
)

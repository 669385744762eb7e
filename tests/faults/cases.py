"""All cases. The order is that of the table."""

from __future__ import annotations

import signal

from tests.faults import breaking
from tests.faults.breaking import damaged, held, killed_inside, lab, no_sshd, signalled
from tests.faults.verbs import (
    BUILD,
    CREATED,
    DOWN,
    EATS,
    ENDS,
    FULL1,
    FULL2,
    GONE,
    HANGS,
    NODE2,
    OOM,
    RANK1,
    REBUILD,
    RING,
    SHORT,
    UP,
    before,
    build,
    built,
    down,
    infer,
    run,
    serve,
    up,
)

_INT, _KILL = signal.SIGINT, signal.SIGKILL
_KILL2, _PAUSE2, _CUT2 = (lab(what, NODE2) for what in ("kill-node", "pause", "cut"))
_BOTH_WAYS = lab("partition", "node1", NODE2)
_ONE_WAY = lab("partition", NODE2, "node1", one_way=True)
_LATE = lab("skew-clock", NODE2, "+2m")
_MADE = "^container .* created$"
_LOCK = "^volume .*-lock$"
_LOCKED = "is locked: .* runs `clusterkit up`"

_RANKS = (
    run("rank SIGKILLed", lab("kill-rank", "1"), RANK1, is_quick=True),
    infer("rank SIGKILLed", lab("kill-rank", "1"), RANK1),
    serve("rank SIGKILLed", lab("kill-rank", "1"), RANK1),
    build("builder SIGKILLed", killed_inside("node1", " convert /"), "node1", 1),
    run("rank hangs", lab("hang-rank", "1"), RANK1, 124, words=RING, within_s=16),
    infer("rank hangs", lab("hang-rank", "1"), RANK1, 124, words=HANGS, within_s=30),
    before("rank out of memory", EATS, breaking.little_memory, OOM, 1, second=ENDS),
    before("rank out of memory", SHORT, breaking.little_memory, OOM, 1, within_s=60),
)
_NODES = (
    run("node container killed", _KILL2, NODE2, is_quick=True),
    run("head's container killed", lab("kill-node", "node1"), "node1"),
    infer("node container killed", _KILL2, NODE2),
    infer("head's container killed", lab("kill-node", "node1"), "node1"),
    serve("node container killed", _KILL2, NODE2),
    serve("head's container killed", lab("kill-node", "node1"), "node1"),
    up("node container killed", held(_KILL2), NODE2, *GONE),
    build("head's container killed", held(lab("kill-node", "node1")), "node1", *GONE),
    before("node container dead", ENDS, _KILL2, NODE2, *GONE),
    before("node container dead", UP, _KILL2, None),
    before("node container dead", BUILD, lab("kill-node", "node1"), "node1", *GONE),
    before("node container dead", DOWN, _KILL2, None),
    run("node paused", _PAUSE2, NODE2),
    infer("node paused", _PAUSE2, NODE2),
    serve("node paused", _PAUSE2, NODE2),
    up("node paused", held(_PAUSE2), NODE2, *GONE),
    build("node paused", held(lab("pause", "node1")), "node1", *GONE),
    before("node frozen", ENDS, _PAUSE2, NODE2, *GONE),
    before("node frozen", UP, _PAUSE2, None),
    before("node frozen", DOWN, _PAUSE2, None),
    run("sshd killed", no_sshd(NODE2), NODE2),
    infer("sshd killed", no_sshd(NODE2), NODE2),
    serve("sshd killed", no_sshd(NODE2), NODE2),
    up("sshd killed", held(no_sshd(NODE2)), NODE2, 0, *GONE),
    build("sshd killed", held(no_sshd("node1")), "node1", *GONE),
    before("sshd killed", DOWN, no_sshd(NODE2), None),
    before("sshd silent", UP, lab("drop-ssh", NODE2), None, within_s=20),
    before("sshd silent", ENDS, lab("drop-ssh", NODE2), NODE2, *GONE),
    before("sshd silent", BUILD, lab("drop-ssh", "node1"), "node1", *GONE),
    before("sshd silent", DOWN, lab("drop-ssh", NODE2), None),
)
_NETWORK = (
    run("network cut, both ways", _BOTH_WAYS, NODE2),
    infer("network cut, both ways", _BOTH_WAYS, NODE2),
    serve("network cut, both ways", _BOTH_WAYS, NODE2),
    before("network cut, both ways", UP, _BOTH_WAYS, None),
    before("network cut, both ways", DOWN, _BOTH_WAYS, None),
    run("network cut, one way", _ONE_WAY, NODE2),
    infer("network cut, one way", _ONE_WAY, NODE2),
    serve("network cut, one way", _ONE_WAY, NODE2),
    run("node off the network", _CUT2, NODE2),
    infer("node off the network", _CUT2, NODE2),
    serve("node off the network", _CUT2, NODE2),
    before("node off the network", UP, _CUT2, None),
    build("node off the network", held(lab("cut", "node1")), "node1", *GONE),
    before("node off the network", DOWN, _CUT2, None),
    before("slow link (1 Mbit/s)", ENDS, lab("slow", NODE2, "1mbit"), None, within_s=20),
    run("controller's network gone", breaking.no_controllers_network, "node1"),
    infer("controller's network gone", breaking.no_controllers_network, "node1"),
    serve("controller's network gone", breaking.no_controllers_network, "node1"),
    build("controller's network gone", held(breaking.no_controllers_network), "node1", *GONE),
    before("controller's network gone", DOWN, breaking.no_controllers_network, None),
)
_DISKS = (
    before("disk full on the head", ENDS, lab("fill-disk", "node1"), FULL1, 1, is_quick=True),
    before("disk full on the head", SHORT, lab("fill-disk", "node1"), FULL1, 1),
    before("disk full on the head", DOWN, lab("fill-disk", "node1"), None),
    before("disk full on a worker", ENDS, lab("fill-disk", NODE2), FULL2, 1),
    before("disk full on a worker", SHORT, lab("fill-disk", NODE2), FULL2, 1),
    before("disk full on a worker", UP, lab("fill-disk", NODE2), None),
    before("disk full on a worker", DOWN, lab("fill-disk", NODE2), None),
    before("storage full", BUILD, lab("fill-disk", "storage"), "space", 1),
    before("storage full", SHORT, lab("fill-disk", "storage"), None, within_s=60),
    before("storage full", DOWN, lab("fill-disk", "storage"), None),
    before("storage read-only", BUILD, breaking.read_only_storage, "[Rr]ead-only", 1),
    before("storage read-only", SHORT, breaking.read_only_storage, None, within_s=60),
    before("storage read-only", UP, breaking.read_only_storage, "node1: .*not writable", *GONE),
    before("storage read-only", DOWN, breaking.read_only_storage, None),
)
_MACHINES = (
    before("clock two minutes off", ENDS, _LATE, None),
    before("clock two minutes off", SHORT, _LATE, None, within_s=60),
    before("clock two minutes off", UP, _LATE, None),
    before("clock two minutes off", BUILD, lab("skew-clock", "node1", "+2m"), None, within_s=20),
    before("clock two minutes off", DOWN, _LATE, None),
    before("host key changed", ENDS, breaking.other_host_key, NODE2, *GONE),
    before("host key changed", SHORT, breaking.other_host_key, NODE2, *GONE),
    before("host key changed", UP, breaking.other_host_key, None, within_s=20),
    before("host key changed", DOWN, breaking.other_host_key, None),
)
_CONTROLLER = (
    run("controller SIGKILLed", signalled(_KILL), None, -9, is_quick=True),
    infer("controller SIGKILLed", signalled(_KILL), None, -9),
    serve("controller SIGKILLed", signalled(_KILL), None, -9),
    up("controller SIGKILLed", signalled(_KILL), None, -9, keeps=_LOCK),
    build("controller SIGKILLed", signalled(_KILL), None, -9, keeps=_LOCK),
    down("controller SIGKILLed", signalled(_KILL), None, -9, keeps=_LOCK),
    run("Ctrl-C", signalled(_INT), "interrupted", 130),
    infer("Ctrl-C", signalled(_INT), "interrupted", 130),
    serve("Ctrl-C", signalled(_INT), None, 0, 130),
    up("Ctrl-C", signalled(_INT), "[Ii]nterrupted", 130, moment=CREATED, keeps=_MADE),
    build("Ctrl-C", signalled(_INT), "[Ii]nterrupted", 130),
    down("Ctrl-C", signalled(_INT), "[Ii]nterrupted", 130),
    run("Ctrl-C twice", signalled(_INT, _INT), "interrupted", 130, is_quick=True),
    infer("Ctrl-C twice", signalled(_INT, _INT), "interrupted", 130),
    serve("Ctrl-C twice", signalled(_INT, _INT), None, 0, 130),
    up("Ctrl-C twice", signalled(_INT, _INT), "[Ii]nterrupted", 130, moment=CREATED, keeps=_MADE),
    build("Ctrl-C twice", signalled(_INT, _INT), "[Ii]nterrupted", 130),
    down("Ctrl-C twice", signalled(_INT, _INT), "[Ii]nterrupted", 130),
)
_STATE = (
    before("two `up` at once", UP, breaking.another_up, _LOCKED, 5),
    before("`up` and `build` at once", BUILD, breaking.another_up, _LOCKED, 5, second=UP),
    before("`up` and `down` at once", DOWN, breaking.another_up, _LOCKED, 5, second=UP),
    before("stale lock", UP, breaking.killed_up, None, is_quick=True),
    before("stale lock", BUILD, breaking.killed_up, None, within_s=20),
    before("stale lock", DOWN, breaking.killed_up, None),
    before("corrupted state file", ENDS, damaged("applied.json"), "applied.json", 1),
    before("corrupted state file", SHORT, damaged("applied.json"), "applied.json", 1),
    before("corrupted state file", BUILD, damaged("applied.json"), "applied.json", 1),
    before("corrupted state file", UP, damaged("applied.json"), None),
    before("corrupted state file", DOWN, damaged("applied.json"), "applied.json", 1),
    before("corrupted facts file", ENDS, damaged("facts.json"), "facts.json", 1, 2),
    before("corrupted facts file", UP, damaged("facts.json"), None),
    before("half-written engine", SHORT, breaking.half_an_engine, None, first=built, within_s=60),
    before(
        "half-written engine", REBUILD, breaking.half_an_engine, None, first=built, within_s=20
    ),
)
_ENGINE = (
    run("Docker daemon restarted", breaking.restarted_engine, "node[123]", own_engine=True),
    before("Docker daemon restarted", UP, breaking.restarted_engine, None, own_engine=True),
    up(
        "Docker daemon restarted meanwhile",
        held(breaking.restarted_engine),
        NODE2,
        *GONE,
        own_engine=True,
    ),
    before("Docker daemon restarted", DOWN, breaking.restarted_engine, None, own_engine=True),
    before("Docker daemon stopped", UP, breaking.stopped_engine, "Docker", 4, own_engine=True),
    before(
        "Docker daemon stopped", ENDS, breaking.stopped_engine, "node1", *GONE, own_engine=True
    ),
    before("Docker daemon stopped", DOWN, breaking.stopped_engine, "Docker", 4, own_engine=True),
)
CASES = (*_RANKS, *_NODES, *_NETWORK, *_DISKS, *_MACHINES, *_CONTROLLER, *_STATE, *_ENGINE)

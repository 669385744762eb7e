"""Faults are states of containers: looked for, made where they are missing, undone where there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from clusterkit.command import HOST, DockerCall, Result, Step
from clusterkit.errors import ClusterkitError, NotOurs
from clusterkit.model.cluster import Lab
from clusterkit.model.fault import Fault
from clusterkit.providers.docker.lab import (
    NOT_HERE,
    fault_stage,
    heal_stage,
    power_faults,
    scripts,
)
from clusterkit.providers.docker.lab.marks import faults, look, read
from clusterkit.providers.docker.spec import create_arguments
from clusterkit.providers.docker.volume import Volume
from tests.unit.pair import pair
from tests.unit.providers.engine import box

LAB = replace(pair(), lab=Lab("64m", "2g"))
NODE2 = "192.168.123.112"


def seen(fault: Fault, said: str, *, undone: bool = False) -> tuple[str, tuple[Step, ...]]:
    """What is planned for one fault, after a look that said so."""
    stage = (heal_stage if undone else fault_stage)(LAB, [fault])
    (task,) = stage.tasks
    change = task.plan(Result(fault.node, task.probe(), 0, said))
    return change.summary, change.steps


def told(**changes) -> str:
    """What the engine says of node2's container."""
    return json.dumps({"containers": [box(LAB, LAB.nodes[1], **changes)]})


def words(steps: tuple[Step, ...]) -> list[tuple[str, ...]]:
    return [step.action.argv for step in steps]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("kind", "state", "making", "undoing"),
    [
        (
            "kill-node",
            "exited",
            DockerCall("kill", "pair-node2"),
            DockerCall("start", "pair-node2"),
        ),
        (
            "pause",
            "paused",
            DockerCall("pause", "pair-node2"),
            DockerCall("unpause", "pair-node2"),
        ),
    ],
)
def test_a_container_is_killed_or_paused_once(kind, state, making, undoing):
    fault = Fault(kind, "node2")
    assert [step.action for step in seen(fault, told())[1]] == [making]
    assert seen(fault, told(state=state)) == (f"{kind} node2: made", ())
    assert [step.action for step in seen(fault, told(state=state), undone=True)[1]] == [undoing]
    assert seen(fault, told(), undone=True) == (f"{kind} node2: healed", ())


def test_a_container_is_taken_off_its_network_and_put_back_at_its_address():
    fault = Fault("cut", "node2")
    (off,) = seen(fault, told())[1]
    (back,) = seen(fault, told(addresses={}), undone=True)[1]

    assert off.action == DockerCall("disconnect", "pair-node2", {"network": "clusterkit-pair"})
    place = {"network": "clusterkit-pair", "address": NODE2, "aliases": ["node2"]}
    assert back.action == DockerCall("connect", "pair-node2", place)


def test_a_container_that_no_lab_made_is_never_touched():
    plain = box(pair(), pair().nodes[1])
    with pytest.raises(NotOurs):
        seen(Fault("kill-node", "node2"), json.dumps({"containers": [plain]}))
    with pytest.raises(ClusterkitError):
        seen(Fault("kill-node", "node2"), json.dumps({"containers": []}))


def test_a_partition_is_made_of_what_is_missing_of_it():
    both = Fault("partition", "node1", "node2")
    drop_out = ("iptables", "--wait", "-A", "OUTPUT", "-d", NODE2, "-j", "DROP")
    drop_in = ("iptables", "--wait", "-A", "INPUT", "-s", NODE2, "-j", "DROP")

    assert words(seen(both, "")[1]) == [drop_out, drop_in]
    assert words(seen(both, f"out {NODE2}\n")[1]) == [drop_in]
    assert words(seen(replace(both, one_way=True), "")[1]) == [drop_out]
    assert seen(both, f"in {NODE2}\nout {NODE2}\n") == ("partition node1 node2: made", ())
    undone = words(seen(both, f"in {NODE2}\nout {NODE2}\n", undone=True)[1])
    assert [argv[2] for argv in undone] == ["-D", "-D"]


def test_values_are_words_of_constant_scripts():
    slow, skew, hang = (
        fault_stage(LAB, [fault]).tasks[0].plan(None).steps[0].action.argv
        for fault in (
            Fault("slow", "node2", value="50mbit"),
            Fault("skew-clock", "node2", value="+2m"),
            Fault("hang-rank", "node2", value="7"),
        )
    )
    folder = "/var/lib/clusterkit/sshd"
    assert slow == ("sh", "-c", scripts.SLOW, "sh", NODE2, "50mbit")
    assert skew == ("sh", "-c", scripts.CLOCK, "sh", f"{folder}/environment.conf", "120")
    assert hang == ("sh", "-c", scripts.SIGNAL, "sh", "7", "STOP", "-")


def test_a_rank_is_killed_where_it_is_and_nowhere_else():
    fault = Fault("kill-rank", "node2", value="1")
    (kill,) = seen(fault, "rank 1 S 4711\n")[1]

    assert words((kill,))[0][4:] == ("1", "KILL", "")
    assert seen(fault, "rank 0 S 4711\n") == (NOT_HERE, ())


def test_a_rank_that_hangs_goes_on_with_all_that_it_started():
    fault = Fault("hang-rank", "node2", value="1")
    (hang,) = seen(fault, "rank 1 S 4711\n")[1]
    (wake,) = seen(fault, "rank 1 T 4711\n", undone=True)[1]

    assert words((hang, wake))[0][4:] == ("1", "STOP", "-")
    assert words((hang, wake))[1][4:] == ("1", "CONT", "-")
    assert seen(fault, "rank 1 T 4711\n") == ("hang-rank 1: made", ())


def test_marks_tell_of_the_faults_that_made_them():
    said = (
        f"out {NODE2}\nin {NODE2}\nno-ssh\nrate 50Mbit\nclock 120\nfull disk\nfull storage\n"
        "rank 0 S 17\nrank 1 T 18\n"
    )
    assert {str(fault) for fault in faults(LAB, "node1", read(said))} == {
        "partition node1 node2",
        "drop-ssh node1",
        "slow node1 50mbit",
        "skew-clock node1 +2m",
        "fill-disk node1",
        "fill-disk storage",
        "hang-rank 1",
    }
    assert faults(LAB, "node1", read("rank 0 S 17\n")) == ()


def test_only_the_head_tells_of_the_storage_that_all_share():
    assert look(LAB, "node1").argv[-1] == "/shared/.full"
    assert look(LAB, "node2").argv[-1] == ""


def test_what_the_engine_tells_of_broken_containers():
    boxes = [
        box(LAB, LAB.nodes[0], state="paused", addresses={}),
        box(LAB, LAB.nodes[1], state="exited"),
    ]
    assert power_faults(LAB, boxes) == (
        Fault("pause", "node1"),
        Fault("cut", "node1"),
        Fault("kill-node", "node2"),
    )


def test_a_lab_s_containers_and_volume_are_marked_and_limited():
    arguments = create_arguments(LAB, LAB.head)
    (create,) = Volume(LAB).plan(None).steps

    assert arguments["labels"]["clusterkit.lab"] == "yes"
    assert arguments["capabilities"] == ["NET_ADMIN"]
    assert arguments["tmpfs"] == {"/var/lib/clusterkit/jobs": "size=64m,mode=755,exec"}
    assert create.action == DockerCall(
        "volume",
        "clusterkit-pair-storage",
        {
            "labels": {"clusterkit.cluster": "pair", "clusterkit.lab": "yes"},
            "options": {"type": "tmpfs", "device": "tmpfs", "o": "size=2g"},
        },
    )
    assert create.node == HOST
    plain = create_arguments(pair(), pair().head)
    assert plain.keys().isdisjoint({"capabilities", "tmpfs"})

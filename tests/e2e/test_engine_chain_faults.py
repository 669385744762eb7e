"""A push that is killed, hangs, is slow or damaged: what came stays, and is used."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.engine_chain import (
    LARGE,
    MIB,
    Chain,
    chain_of,
    damage,
    in_order,
    left,
    part_size,
    placed,
    wait_until,
)


def test_a_push_that_was_killed_goes_on_from_what_had_come(folder: Path):
    chain = chain_of(folder, 3, LARGE)
    with chain.start() as push:
        wait_until(lambda: part_size(chain, "node3") > 8 * MIB)
        os.kill(push.receiver(chain, "node3"), signal.SIGSTOP)
        push.process.kill()
        push.process.wait()
    had = {node: part_size(chain, node) for node in chain.wants}
    kept = {node: (chain.part(node) / "rank0.engine").stat().st_ino for node in chain.wants}
    assert [chain.target(node).exists() for node in chain.wants] == [False] * 3
    code, rows = chain.push()

    assert (code, in_order(rows)) == (0, placed(*chain.wants))
    for node in chain.wants:
        assert 8 * MIB < had[node] < len(LARGE["rank0.engine"])
        assert chain.has(node) == LARGE
        assert (chain.target(node) / "rank0.engine").stat().st_ino == kept[node]


def test_what_is_there_already_is_not_sent_again(folder: Path):
    chain = chain_of(folder, 2, LARGE)
    with chain.start() as push:
        wait_until(lambda: part_size(chain, "node2") > 8 * MIB)
        push.process.kill()
        push.process.wait()
    had = min(part_size(chain, node) // MIB * MIB for node in chain.wants)
    damage(chain.root / "head" / chain.target("node1").name / "rank0.engine", at=had // 2)
    code, _ = chain.push()

    assert code == 0  # so the damaged half did not come from the head
    assert [chain.has(node) == LARGE for node in chain.wants] == [True, True]


def test_a_byte_that_flipped_in_a_part_is_found_and_the_file_is_sent_again(folder: Path):
    chain = chain_of(folder, 3, LARGE)
    with chain.start() as push:
        wait_until(lambda: part_size(chain, "node3") > 8 * MIB)
        push.process.kill()
        push.process.wait()
    damage(chain.part("node2") / "rank0.engine", at=MIB + 1)
    code, rows = chain.push()

    bad = {"event": "bad", "node": "node2", "file": "rank0.engine"}
    assert (code, in_order(rows)) == (0, in_order([bad, *placed(*chain.wants)]))
    assert [chain.has(node) == LARGE for node in chain.wants] == [True] * 3


@pytest.mark.parametrize("lost", ["node1", "node2", "node4"])
def test_a_node_that_dies_is_named_and_the_others_get_all(folder: Path, lost: str):
    chain = chain_of(folder, 4, LARGE)
    with chain.start() as push:
        wait_until(lambda: part_size(chain, "node4") > 4 * MIB)
        os.kill(push.receiver(chain, lost), signal.SIGKILL)
        code, rows = push.end()

    others = [node for node in chain.wants if node != lost]
    why = (
        "its receiver ended with -9. "
        "Fix: run the same command again; it goes on from what has come"
    )
    failed = {"event": "failed", "node": lost, "why": why}
    assert (code, in_order(rows)) == (1, in_order([failed, *placed(*others)]))
    assert [chain.has(node) == LARGE for node in others] == [True] * 3
    assert not chain.target(lost).exists()
    assert part_size(chain, lost) > 0


def test_a_node_that_hangs_is_named_and_the_others_get_all(folder: Path):
    chain = chain_of(folder, 3, LARGE)
    with chain.start() as push:
        wait_until(lambda: part_size(chain, "node3") > 4 * MIB)
        os.kill(push.receiver(chain, "node2"), signal.SIGSTOP)
        code, rows = push.end()

    why = (
        "it has said nothing for 2 s. "
        "Fix: run the same command again; it goes on from what has come"
    )
    failed = {"event": "failed", "node": "node2", "why": why}
    assert (code, in_order(rows)) == (1, in_order([failed, *placed("node1", "node3")]))
    assert [chain.has(node) == LARGE for node in ("node1", "node3")] == [True, True]


def test_a_slow_node_holds_the_others_up_and_nothing_piles_up_in_memory(folder: Path):
    chain = chain_of(folder, 3, LARGE)
    with chain.start() as push:
        wait_until(lambda: part_size(chain, "node3") > MIB)
        slow, before = push.receiver(chain, "node3"), push.receiver(chain, "node2")
        for _ in range(4):
            os.kill(slow, signal.SIGSTOP)
            _rest_in_stops(push.receiver(chain, "node1"))
            os.kill(slow, signal.SIGCONT)
        held = _peak_mib(before)
        code, rows = push.end()

    assert (code, in_order(rows)) == (0, placed(*chain.wants))
    assert [chain.has(node) == LARGE for node in chain.wants] == [True] * 3
    assert held < 64


def test_when_the_one_who_asked_is_gone_all_ends_and_the_parts_stay(folder: Path):
    chain = chain_of(folder, 3, LARGE)
    with chain.start() as push:
        wait_until(lambda: part_size(chain, "node3") > 4 * MIB)
        assert push.process.stdin is not None
        push.process.stdin.close()
        code, _ = push.end()
        wait_until(lambda: not push.processes())

    assert code == 1
    for node in chain.wants:
        assert left(chain, node) == [chain.part(node).name]


def test_two_pushes_at_once_do_not_meet(folder: Path):
    chain = chain_of(folder, 1, LARGE)
    with chain.start() as first:
        wait_until(lambda: part_size(chain, "node1") > 4 * MIB)
        os.kill(first.receiver(chain, "node1"), signal.SIGSTOP)
        code, rows = chain.push()
        os.kill(first.receiver(chain, "node1"), signal.SIGCONT)
        ended = first.end()

    why = (
        "another push is under way there. Fix: wait for it to end, and run the same command again"
    )
    assert (code, rows) == (1, [{"event": "failed", "node": "node1", "why": why}])
    assert ended == (0, placed("node1"))


def test_what_came_of_another_build_of_that_name_is_not_used(folder: Path):
    chain = chain_of(folder, 1, LARGE)
    with chain.start() as push:
        wait_until(lambda: part_size(chain, "node1") > 4 * MIB)
        push.process.kill()
        push.process.wait()
    other = {"config.json": b"[]", "rank0.engine": os.urandom(len(LARGE["rank0.engine"]))}
    again = Chain(_emptied(folder), other, chain.wants)
    code, rows = again.push()

    assert (code, rows) == (0, placed("node1"))
    assert again.has("node1") == other


def _emptied(folder: Path) -> Path:
    for name in ("bin", "head"):
        for path in sorted((folder / name).rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (folder / name).rmdir()
    return folder


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _rest_in_stops(pid: int) -> None:
    """Wait until a process writes no more: what follows it takes nothing."""
    seen = [-1]

    def is_still() -> bool:
        text = Path(f"/proc/{pid}/io").read_text().splitlines()
        written = next(int(line.split()[1]) for line in text if line.startswith("write_bytes"))
        seen.append(written)
        return len(seen) > 10 and len(set(seen[-10:])) == 1

    wait_until(is_still)

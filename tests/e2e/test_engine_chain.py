"""Engine files go from node to node: each gets its own, whole, whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engine_chain import Chain, wait_until

MIB = 1 << 20
SMALL = {
    "config.json": b"{}",
    "empty": b"",
    "rank0.engine": os.urandom(3 * MIB + 17),
    "rank1.engine": os.urandom(2 * MIB),
    "tokenizer/tokenizer.json": b"t" * 1000,
}
LARGE = {"config.json": b"{}", "rank0.engine": os.urandom(96 * MIB + 5)}
"""More than all buffers of a chain of four hold."""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Removed at once: the files of all tests together are large."""
    yield tmp_path
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        path.unlink() if not path.is_dir() or path.is_symlink() else path.rmdir()


def chain_of(folder: Path, count: int, files: dict[str, bytes] | None = None) -> Chain:
    found = SMALL if files is None else files
    return Chain(folder, found, {f"node{number}": list(found) for number in range(1, count + 1)})


def placed(*nodes: str) -> list[dict[str, Any]]:
    return [{"event": "placed", "node": node} for node in nodes]


def in_order(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["node"], row["event"]))


def left(chain: Chain, node: str) -> list[str]:
    return sorted(path.name for path in (chain.root / node).iterdir())


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_every_node_has_every_byte(folder: Path, count: int):
    chain = chain_of(folder, count)
    code, rows = chain.push()

    assert (code, in_order(rows)) == (0, placed(*chain.wants))
    for node in chain.wants:
        assert chain.has(node) == SMALL
        assert json.loads((chain.target(node) / "manifest.json").read_text()) == chain.manifest
        assert left(chain, node) == [chain.target(node).name]


def test_each_node_keeps_the_files_of_its_own_ranks_only(folder: Path):
    common = ["config.json", "tokenizer/tokenizer.json"]
    wants = {
        "node1": ["config.json"],
        "node2": [*common, "rank1.engine"],
        "node3": [*common, "rank0.engine", "empty"],
    }
    chain = Chain(folder, SMALL, wants)
    code, rows = chain.push()

    assert (code, in_order(rows)) == (0, placed(*wants))
    for node, names in wants.items():
        assert chain.has(node) == chain.wanted(node)
        manifest = json.loads((chain.target(node) / "manifest.json").read_text())
        files = {name: chain.manifest["files"][name] for name in names}
        assert manifest == chain.manifest | {"files": files}


def test_a_node_whose_ranks_change_gets_only_what_it_lacks(folder: Path):
    chain = Chain(folder, SMALL, {"node1": ["config.json", "rank0.engine"]})
    chain.push()
    before = (chain.target("node1") / "rank0.engine").stat().st_ino
    chain.wants = {"node1": ["config.json", "rank1.engine"]}
    code, rows = chain.push()

    assert (code, rows) == (0, placed("node1"))
    names = ["config.json", "rank0.engine", "rank1.engine"]
    assert chain.has("node1") == {name: SMALL[name] for name in names}
    assert (chain.target("node1") / "rank0.engine").stat().st_ino == before
    assert left(chain, "node1") == [chain.target("node1").name]


def test_a_push_that_was_killed_goes_on_from_what_had_come(folder: Path):
    chain = chain_of(folder, 3, LARGE)
    with chain.start() as push:
        wait_until(lambda: _size(chain, "node3") > 8 * MIB)
        os.kill(push.receiver(chain, "node3"), signal.SIGSTOP)
        push.process.kill()
        push.process.wait()
    had = {node: _size(chain, node) for node in chain.wants}
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
        wait_until(lambda: _size(chain, "node2") > 8 * MIB)
        push.process.kill()
        push.process.wait()
    had = min(_size(chain, node) // MIB * MIB for node in chain.wants)
    _damage(chain.root / "head" / chain.target("node1").name / "rank0.engine", at=had // 2)
    code, _ = chain.push()

    assert code == 0  # so the damaged half did not come from the head
    assert [chain.has(node) == LARGE for node in chain.wants] == [True, True]


def test_a_byte_that_flipped_in_a_part_is_found_and_the_file_is_sent_again(folder: Path):
    chain = chain_of(folder, 3, LARGE)
    with chain.start() as push:
        wait_until(lambda: _size(chain, "node3") > 8 * MIB)
        push.process.kill()
        push.process.wait()
    _damage(chain.part("node2") / "rank0.engine", at=MIB + 1)
    code, rows = chain.push()

    bad = {"event": "bad", "node": "node2", "file": "rank0.engine"}
    assert (code, in_order(rows)) == (0, in_order([bad, *placed(*chain.wants)]))
    assert [chain.has(node) == LARGE for node in chain.wants] == [True] * 3


def test_a_byte_that_flipped_in_a_placed_file_is_found_and_only_that_is_mended(folder: Path):
    chain = chain_of(folder, 2)
    chain.push()
    whole = (chain.target("node2") / "rank0.engine").stat().st_ino
    _damage(chain.target("node2") / "rank1.engine", at=5)
    code, rows = chain.push()

    bad = {"event": "bad", "node": "node2", "file": "rank1.engine"}
    assert (code, in_order(rows)) == (0, in_order([bad, *placed(*chain.wants)]))
    assert chain.has("node2") == SMALL
    assert (chain.target("node2") / "rank0.engine").stat().st_ino == whole


def test_an_engine_that_is_damaged_on_the_head_is_named_and_placed_nowhere(folder: Path):
    chain = chain_of(folder, 2)
    damaged = chain.root / "head" / chain.target("node1").name / "rank1.engine"
    _damage(damaged, at=5)
    code, rows = chain.push()

    why = f"{damaged} on the head is damaged. Fix: build the engine again"
    failed = [row for row in rows if row["event"] == "failed"]
    assert (code, [(row["node"], row["why"]) for row in failed]) == (
        1,
        [("node1", why), ("node2", why)],
    )
    assert [chain.target(node).exists() for node in chain.wants] == [False, False]


@pytest.mark.parametrize("lost", ["node1", "node2", "node4"])
def test_a_node_that_dies_is_named_and_the_others_get_all(folder: Path, lost: str):
    chain = chain_of(folder, 4, LARGE)
    with chain.start() as push:
        wait_until(lambda: _size(chain, "node4") > 4 * MIB)
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
    assert _size(chain, lost) > 0


def test_a_node_that_hangs_is_named_and_the_others_get_all(folder: Path):
    chain = chain_of(folder, 3, LARGE)
    with chain.start() as push:
        wait_until(lambda: _size(chain, "node3") > 4 * MIB)
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
        wait_until(lambda: _size(chain, "node3") > MIB)
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
        wait_until(lambda: _size(chain, "node3") > 4 * MIB)
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
        wait_until(lambda: _size(chain, "node1") > 4 * MIB)
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
        wait_until(lambda: _size(chain, "node1") > 4 * MIB)
        push.process.kill()
        push.process.wait()
    other = {"config.json": b"[]", "rank0.engine": os.urandom(len(LARGE["rank0.engine"]))}
    again = Chain(_emptied(folder), other, chain.wants)
    code, rows = again.push()

    assert (code, rows) == (0, placed("node1"))
    assert again.has("node1") == other


def test_a_node_without_room_says_so_before_anything_is_sent(folder: Path):
    chain = chain_of(folder, 2)
    huge = chain.manifest["files"] | {"huge": {"size": 1 << 60, "sha256": ""}}
    manifest = chain.root / "head" / chain.target("node1").name / "manifest.json"
    manifest.write_text(json.dumps(chain.manifest | {"files": huge}))
    chain.wants = {"node1": ["config.json"], "node2": ["huge"]}
    code, rows = chain.push()

    failed = next(row for row in rows if row["event"] == "failed")
    assert (code, failed["node"]) == (1, "node2")
    assert failed["why"].startswith(f"no space left in {chain.root / 'node2'}: ")
    assert failed["why"].endswith(
        f" MiB are free, and {1 << 40} MiB are to come. Fix: free some there, or set another "
        "`path` in `storage`"
    )
    assert chain.has("node1") == {"config.json": b"{}"}


def test_names_that_lead_out_of_the_folder_are_refused(folder: Path):
    chain = chain_of(folder, 1)
    evil = chain.manifest["files"] | {"../../evil": {"size": 0, "sha256": ""}}
    manifest = chain.root / "head" / chain.target("node1").name / "manifest.json"
    manifest.write_text(json.dumps(chain.manifest | {"files": evil}))
    chain.wants = {"node1": ["../../evil"]}
    code, rows = chain.push()

    why = "ValueError: the manifest names a file '../../evil'. Fix: run the same command again"
    assert (code, rows) == (1, [{"event": "failed", "node": "node1", "why": why}])


def test_who_connects_without_the_token_is_shown_out(folder: Path):
    chain = chain_of(folder, 2, LARGE)
    with chain.start() as push:
        wait_until(lambda: chain.part("node2").exists())
        listening: set[int] = set()
        wait_until(lambda: bool(listening.update(_ports("127.0.77.2")) or listening))
        for port in listening:
            with socket.create_connection(("127.0.77.2", port)) as caller:
                caller.sendall(b"GET / HTTP/1.0\r\n\r\n" * 10)
        code, rows = push.end()

    assert (code, in_order(rows)) == (0, placed(*chain.wants))
    assert [chain.has(node) == LARGE for node in chain.wants] == [True, True]


def test_a_node_whose_address_is_not_its_own_is_told_of(folder: Path):
    chain = chain_of(folder, 2)
    order = chain.order()
    order["nodes"][0]["address"] = "192.0.2.1"
    code, rows = chain.push(order)

    why = "it has not the address that it had. Fix: run `clusterkit up INVENTORY` again"
    failed = {"event": "failed", "node": "node1", "why": why}
    assert (code, in_order(rows)) == (1, [failed, *placed("node2")])


def _size(chain: Chain, node: str) -> int:
    path = chain.part(node) / "rank0.engine"
    return path.stat().st_size if path.exists() else 0


def _damage(path: Path, *, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


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


def _ports(address: str) -> set[int]:
    """Where something listens."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        int(row[1].partition(":")[2], 16)
        for row in rows
        if row[1].startswith(f"{wanted}:") and row[3] == "0A"
    }

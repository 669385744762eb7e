"""Engine files go from node to node: each gets its own, whole, whatever happens on the way."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.e2e.engine_chain import (
    LARGE,
    SMALL,
    Chain,
    chain_of,
    damage,
    in_order,
    left,
    placed,
    wait_until,
)


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


def test_a_byte_that_flipped_in_a_placed_file_is_found_and_only_that_is_mended(folder: Path):
    chain = chain_of(folder, 2)
    chain.push()
    whole = (chain.target("node2") / "rank0.engine").stat().st_ino
    damage(chain.target("node2") / "rank1.engine", at=5)
    code, rows = chain.push()

    bad = {"event": "bad", "node": "node2", "file": "rank1.engine"}
    assert (code, in_order(rows)) == (0, in_order([bad, *placed(*chain.wants)]))
    assert chain.has("node2") == SMALL
    assert (chain.target("node2") / "rank0.engine").stat().st_ino == whole


def test_an_engine_that_is_damaged_on_the_head_is_named_and_placed_nowhere(folder: Path):
    chain = chain_of(folder, 2)
    damaged = chain.root / "head" / chain.target("node1").name / "rank1.engine"
    damage(damaged, at=5)
    code, rows = chain.push()

    fix = "Fix: run `clusterkit build --verify`, which builds it again"
    why = f"{damaged} on the head is damaged. {fix}"
    failed = [row for row in rows if row["event"] == "failed"]
    assert (code, [(row["node"], row["why"]) for row in failed]) == (
        1,
        [("node1", why), ("node2", why)],
    )
    assert [chain.target(node).exists() for node in chain.wants] == [False, False]


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


def _ports(address: str) -> set[int]:
    """Where something listens."""
    wanted = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {
        int(row[1].partition(":")[2], 16)
        for row in rows
        if row[1].startswith(f"{wanted}:") and row[3] == "0A"
    }

"""Keys are shown as they are, and replaced while the cluster is up: nobody is locked out."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from clusterkit.jobs import Job
from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank
from clusterkit.use_cases.launch import known_facts, make_job
from clusterkit.use_cases.session import Which, find, open_world
from tests.e2e.pair import Pair
from tests.e2e.running_job import RunningJob

NAMES = ("operator", "head", "host-node1", "host-node2")


def folder(pair: Pair) -> Path:
    return pair.controller.home / "clusters" / pair.name


def fingerprints(pair: Pair) -> dict[str, str]:
    """What ssh-keygen says of the keys of the controlling machine."""
    listed = {
        name: subprocess.run(
            ["ssh-keygen", "-lf", folder(pair) / "keys" / name],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in NAMES
    }
    return {name: line.split()[1] for name, line in listed.items()}


def shown(pair: Pair) -> dict[str, tuple[str, str]]:
    """Key -> fingerprint and state, as the verb shows them; its exit code is 0."""
    rows = pair.answer("keys", "show")["keys"]
    names = (row["key"] if row["key"] != "host" else f"host-{row['node']}" for row in rows)
    return {
        name: (row["fingerprint"], row["state"]) for name, row in zip(names, rows, strict=True)
    }


def login(pair: Pair, key: Path, known_hosts: Path, node: int) -> tuple[int, str]:
    """What ssh(1) comes to with a private key and a known_hosts."""
    options = {
        "IdentityFile": key,
        "IdentitiesOnly": "yes",
        "UserKnownHostsFile": known_hosts,
        "GlobalKnownHostsFile": "none",
        "StrictHostKeyChecking": "yes",
        "BatchMode": "yes",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    argv = ["ssh", "-F", "none", "-n", *words, f"root@{pair.address(node)}", "true"]
    done = subprocess.run(argv, capture_output=True, text=True)
    return done.returncode, (done.stderr.strip().splitlines() or [""])[-1].split(": ")[-1].strip()


def head_logs_in(pair: Pair) -> None:
    for node in ("node1", "node2"):
        pair.inside("node1", "ssh", "-F", f"{pair.home}/ssh/config", node, "true")


def test_the_keys_are_those_that_are_there(pair: Pair) -> None:
    answer = pair.answer("keys", "show")
    prints = fingerprints(pair)

    for each in answer["keys"]:
        assert 0 <= each.pop("age_s") < 3600
        assert each.pop("made_at")
    row: dict[str, Any] = {"state": "same", "seen": [], "why": None}
    host = f"{pair.home}/sshd/host_key"
    assert answer["keys"] == [
        {
            "key": "operator",
            "node": None,
            "fingerprint": prints["operator"],
            "path": str(folder(pair) / "keys" / "operator"),
            **row,
        },
        {
            "key": "head",
            "node": "node1",
            "fingerprint": prints["head"],
            "path": f"{pair.home}/ssh/id_ed25519",
            **row,
        },
        {"key": "host", "node": "node1", "fingerprint": prints["host-node1"], "path": host, **row},
        {"key": "host", "node": "node2", "fingerprint": prints["host-node2"], "path": host, **row},
    ]
    assert answer["rotation"] is None


def test_other_keys_than_ours_are_told(pair: Pair) -> None:
    sshd = f"{pair.home}/sshd"
    pair.inside("node2", "sh", "-c", 'cp "$1/host_key" "$1/kept"; rm "$1/host_key"', "sh", sshd)
    pair.inside("node2", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{sshd}/host_key")
    other = pair.inside("node2", "ssh-keygen", "-lf", f"{sshd}/host_key").split()[1]
    pair.inside("node2", "pkill", "-HUP", "-o", "-x", "sshd")
    try:
        done = pair("keys")
    finally:
        put_back = 'rm "$1"/host_key*; mv "$1/kept" "$1/host_key"'
        pair.inside("node2", "sh", "-c", put_back, "sh", sshd)
        pair.inside("node2", "pkill", "-HUP", "-o", "-x", "sshd")

    assert done.returncode == 1
    row = rf"^! host node2 +the node offers another key \({re.escape(other)}\)$"
    assert re.search(row, done.stdout, re.MULTILINE)
    assert shown(pair)["host-node2"][1] == "same"


@pytest.mark.parametrize("only", [None, "operator", "head", "hosts"])
def test_old_keys_are_refused_and_new_ones_are_in_use(
    pair: Pair, tmp_path: Path, only: str | None
) -> None:
    meant = {None: NAMES, "hosts": NAMES[2:]}.get(only, (only,))
    before = fingerprints(pair)
    shutil.copytree(folder(pair), tmp_path / "old")

    words = ["--only", only] if only else []
    answer = pair.answer("keys", "rotate", *words, "--yes")

    after = fingerprints(pair)
    assert {name for name in NAMES if before[name] != after[name]} == set(meant)
    assert answer["rotated"] == [
        {"key": name, "old": before[name], "new": after[name]} for name in meant
    ]
    assert shown(pair) == {name: (after[name], "same") for name in NAMES}
    assert pair.planned() == []
    head_logs_in(pair)
    now, known = folder(pair) / "keys", folder(pair) / "known_hosts"
    old, old_known = tmp_path / "old" / "keys", tmp_path / "old" / "known_hosts"
    for node in (1, 2):
        refused = {key for key in ("operator", "head") if login(pair, old / key, known, node)[0]}
        assert refused == {"operator", "head"} & set(meant)
        changed = login(pair, now / "operator", old_known, node)
        wrong = (255, "Host key verification failed.") if f"host-node{node}" in meant else (0, "")
        assert changed == wrong
    left = pair.inside("node1", "ls", f"{pair.home}/ssh", f"{pair.home}/sshd").split()
    assert [name for name in left if name.endswith((".old", ".new", ".revoked", ".part"))] == []
    files = {path.name for path in folder(pair).rglob("*") if path.is_file()}
    assert files >= set(NAMES)
    assert [name for name in files if name.endswith((".old", ".new", ".revoked"))] == []


@pytest.mark.parametrize("steps", [4, 9, 14])
def test_a_rotation_that_is_killed_is_finished_by_the_next(pair: Pair, steps: int) -> None:
    """SIGKILL once so many steps are done; ``up`` in between changes nothing of that."""
    before = fingerprints(pair)
    process = pair.controller.start("keys", "rotate", "--yes")
    assert process.stderr is not None
    for _ in range(steps):
        assert " … " in process.stderr.readline()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()

    assert pair("exec", "@all", "--", "true").returncode == 0
    head_logs_in(pair)
    seen = pair.answer("keys", "show")
    assert seen["rotation"]["keys"] == list(NAMES)
    assert {row["state"] for row in seen["keys"]} <= {"same", "rotating"}
    if steps != 14:
        started = [pair.container(node).attrs["State"]["StartedAt"] for node in ("node1", "node2")]
        pair.up()
        assert pair("exec", "@all", "--", "true").returncode == 0
        head_logs_in(pair)
        assert started == [  # what runs in the containers goes on
            pair.container(node).attrs["State"]["StartedAt"] for node in ("node1", "node2")
        ]
    answer = pair.answer("keys", "rotate", "--yes")

    after = fingerprints(pair)
    assert [name for name in NAMES if before[name] == after[name]] == []
    assert shown(pair) == {name: (after[name], "same") for name in NAMES}
    assert (answer["rotation"], pair.planned()) == (None, [])
    head_logs_in(pair)


def waiting_job(pair: Pair) -> Job:
    """Two ranks, one on each node, that wait until somebody ends them."""
    session = find(Which(pair.name))
    program = RankProgram(("sh", "-c", "echo waiting; while :; do sleep 0.1; done"), {}, {})
    return make_job(
        session,
        "wait",
        placement=Placement((Rank(0, "node1", 0), Rank(1, "node2", 0))),
        program=lambda _python, _payloads: program,
        facts=known_facts(session),
        timeout_s=None,
    )


def test_a_job_that_runs_is_named_and_outlives_a_rotation_that_is_forced(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTERKIT_HOME", str(pair.controller.home))
    before = fingerprints(pair)
    with open_world(find(Which(pair.name))) as world:
        running = RunningJob(waiting_job(pair), world.transport)
        try:
            running.until_all_say("waiting")

            refused = pair("keys", "rotate", "--yes")
            assert fingerprints(pair) == before
            forced = pair("keys", "rotate", "--yes", "--force")

            assert running.end is None
        finally:
            running.interrupt.press()
            end = running.until_end()

    assert (refused.returncode, forced.returncode) == (2, 0)
    assert f"{running.job.id} runs on this cluster." in refused.stderr
    assert f"`clusterkit stop {running.job.id}`" in refused.stderr
    assert (end.outcome, end.leftovers) == ("interrupted", ())
    assert pair("mpi-hello").returncode == 0


def test_nothing_is_replaced_while_a_node_is_down(pair: Pair) -> None:
    """The new keys are known to some nodes and used by none; the next run goes on."""
    before = fingerprints(pair)
    pair.container("node2").stop(timeout=0)
    try:
        done = pair("keys", "rotate", "--yes")
        seen = pair("keys")
    finally:
        pair.up()

    assert done.returncode in (3, 4)
    assert "node2: " in done.stderr
    assert fingerprints(pair) == before
    assert seen.returncode == 3
    assert "To finish it: clusterkit keys rotate" in seen.stdout
    assert pair("keys", "rotate", "--yes").returncode == 0
    assert shown(pair).keys() == set(NAMES)
    assert not set(before.values()) & set(fingerprints(pair).values())


def test_without_the_keys_in_use_none_are_made(pair: Pair) -> None:
    keys = folder(pair) / "keys"
    keys.rename(folder(pair) / "away")
    try:
        done = pair("keys", "rotate", "--yes", "--force", "--inventory", pair.file)
        made = keys.exists()
    finally:
        (folder(pair) / "away").rename(keys)

    assert (done.returncode, made) == (2, False)
    assert "was not brought up from here" in done.stderr

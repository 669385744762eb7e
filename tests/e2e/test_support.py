"""A bundle for a report of a fault: made of whatever is there, and with no secret in it."""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clusterkit.model.job import RankProgram
from clusterkit.placement import Placement, Rank
from clusterkit.use_cases.launch import known_facts, make_job
from clusterkit.use_cases.session import Which, find, open_world
from tests.e2e.canary import CANARIES, Processes
from tests.e2e.pair import Pair
from tests.e2e.running_job import RunningJob

ENV, TOKEN, PROMPT, OWN = CANARIES
NODES = {"node[1-2]": {"slots": 2, "container": {"env": {"GREETING": ENV}}}}
SAYS = 'echo "$GREETING and $HF_TOKEN"; echo hf_{0}; echo "url https://me:{0}@example.net"'
SAYS = f'{SAYS.format("abcdefghijklmnop")}; echo plain words stay; cat "$0" >&2'


@pytest.fixture(scope="module", autouse=True)
def with_secrets(pair: Pair) -> Pair:
    """Up, with secrets in the inventory; a job has told them all."""
    container = {"image": pair.image, "shm_size": "64m", "env": {"HF_TOKEN": TOKEN}}
    pair.describe(nodes=NODES, container=container)
    pair.up()
    with used_here(pair):
        session = find(Which(pair.name))
        key = f"{pair.home}/ssh/id_ed25519"
        program = RankProgram(("sh", "-c", SAYS, key), {}, {})
        job = make_job(
            session,
            "tell",
            placement=Placement((Rank(0, "node1", 0),)),
            program=lambda _python, _payloads: program,
            facts=known_facts(session),
            timeout_s=60,
        )
        with open_world(session) as world:
            assert RunningJob(job, world.transport).until_end().outcome == "done"
    prompts = pair.folder / "prompts.json"
    prompts.write_text(json.dumps([{"role": "user", "content": PROMPT}]))
    pair("infer", "--prompts", prompts)  # there is no engine in this image
    return pair


@contextmanager
def used_here(pair: Pair) -> Iterator[None]:
    before = os.environ.get("CLUSTERKIT_HOME")
    os.environ["CLUSTERKIT_HOME"] = str(pair.controller.home)
    try:
        yield
    finally:
        os.environ.pop("CLUSTERKIT_HOME")
        if before is not None:
            os.environ["CLUSTERKIT_HOME"] = before


def unpacked(file: Path) -> dict[str, str]:
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        found = {}
        for member in archive.getmembers():
            content = archive.extractfile(member)
            assert content is not None
            assert member.mode == 0o600
            found[member.name.removeprefix("clusterkit-support/")] = content.read().decode()
    return found


def private_lines(pair: Pair) -> list[str]:
    """Of every private key a line that no other key has, nor its public half."""
    keys = pair.controller.home / "clusters" / pair.name / "keys"
    return [key.read_text().splitlines()[3] for key in keys.iterdir()]


def told(pair: Pair, texts: dict[str, str]) -> list[tuple[str, str]]:
    """Which file tells which secret."""
    secrets = [*CANARIES, "hf_abcdefghijklmnop", "me:abcdefghijklmnop", *private_lines(pair)]
    return [(name, secret) for name, text in texts.items() for secret in secrets if secret in text]


def test_a_bundle_tells_what_happened_and_no_secret(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", OWN)
    monkeypatch.setenv("HOME", str(pair.controller.home.parent))
    file = tmp_path / "fault.tar.gz"

    answer = pair.answer("support", "--out", file)

    texts = unpacked(file)
    assert told(pair, texts) == []
    assert [each["name"] for each in answer["files"]] == list(texts)
    assert [each["name"] for each in answer["missing"]] == ["doctor.json"]
    assert answer["size_bytes"] == file.stat().st_size
    log = texts["last-job.log"]
    assert "rank 0 stdout: *** and ***\n" in log
    assert "rank 0 stdout: ***\n" in log
    assert "rank 0 stdout: url https://***@example.net\n" in log
    assert "rank 0 stdout: plain words stay\n" in log
    inventory = json.loads(texts["inventory.json"])["inventory"]
    assert inventory["container"]["env"] == {"HF_TOKEN": "***"}
    assert [node["state"] for node in json.loads(texts["status.json"])["nodes"]] == ["up", "up"]
    assert json.loads(texts["plan.json"])["changes"] == 0
    assert str(pair.controller.home.parent) not in "".join(texts.values())
    assert (
        f"~/{pair.controller.home.name}/clusters/{pair.name}/keys/operator" in texts["keys.json"]
    )
    for name in answer["missing"]:
        assert name["name"] in texts["README.txt"]


def test_a_file_that_is_there_is_not_written_over(pair: Pair, tmp_path: Path) -> None:
    file = tmp_path / "fault.tar.gz"
    file.write_text("mine")

    done = pair("support", "--out", file)

    assert (done.returncode, file.read_text()) == (2, "mine")
    assert "is there already.\nFix: choose another `--out`, or `--force`" in done.stderr
    assert pair("support", "--out", file, "--force").returncode == 0
    assert "status.json" in unpacked(file)


def test_a_broken_cluster_is_worth_a_bundle(pair: Pair, tmp_path: Path) -> None:
    pair.container("node1").stop(timeout=0)
    try:
        answer = pair.answer("support", "--out", tmp_path / "down.tar.gz")
    finally:
        pair.up()

    texts = unpacked(tmp_path / "down.tar.gz")
    assert told(pair, texts) == []
    missing = {each["name"]: each["why"] for each in answer["missing"]}
    assert missing.keys() == {"doctor.json", "jobs.json", "last-job.log"}
    assert "node1" in missing["jobs.json"]
    states = [node["state"] for node in json.loads(texts["status.json"])["nodes"]]
    assert states == ["stopped", "up"]
    assert json.loads(texts["plan.json"])["changes"] > 0


@pytest.mark.parametrize("name", ["applied.json", "facts.json"])
def test_a_damaged_record_is_told_and_the_rest_is_there(
    pair: Pair, tmp_path: Path, name: str
) -> None:
    record = pair.controller.home / "clusters" / pair.name / name
    right = record.read_bytes()
    record.write_text('{"env": {"A": "')
    try:
        done = pair("support", "-c", pair.name, "--out", tmp_path / "x.tar.gz", "-o", "json")
    finally:
        record.write_bytes(right)

    assert done.returncode == 0, done.stderr
    missing = {each["name"]: each["why"] for each in json.loads(done.stdout)["missing"]}
    texts = unpacked(tmp_path / "x.tar.gz")
    assert told(pair, texts) == []
    assert {"versions.json", "state.json"} <= texts.keys()
    assert ("cluster" if name == "applied.json" else "facts.json") in missing
    assert re.search(rf'"name": "{name}",\n    "mode": "600"', texts["state.json"])


def test_no_verb_tells_a_secret_to_ps_to_a_log_or_to_the_state(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The controlling machine and the nodes are one here: their processes are all in its /proc."""
    monkeypatch.setenv("HF_TOKEN", OWN)
    prompts = pair.folder / "prompts.json"
    before = private_lines(pair)
    with Processes([*CANARIES, *before]) as processes:
        pair.container("node2").stop(timeout=0)
        done = [
            pair(*words)
            for words in (
                ("up", pair.file, "--yes"),
                ("keys", "rotate", "--yes"),
                ("mpi-hello",),
                ("status", "-o", "wide"),
                ("exec", "@all", "--", "true"),
                ("cp", prompts, "node1:/shared/prompts.json"),
                ("infer", "--prompts", prompts),
                ("support", "--out", tmp_path / "x.tar.gz"),
                ("plan", pair.file),
                ("jobs",),
            )
        ]
    pair.inside("node1", "rm", "/shared/prompts.json")
    secrets = [*CANARIES, *before, *private_lines(pair)]

    assert processes.seen > 100
    assert processes.told == set()
    # Private halves are new: those that came to be while it ran are looked for where they stay.
    assert [
        call.args[3:] for call in done if any(s in call.stdout + call.stderr for s in secrets)
    ] == []
    logs = b"".join(pair.container(node).logs() for node in ("node1", "node2"))
    assert [secret for secret in secrets if secret.encode() in logs] == []
    state = pair.controller.home
    keys = state / "clusters" / pair.name / "keys"
    files = [path for path in state.rglob("*") if path.is_file() and path.parent != keys]
    # GREETING does not sound like a secret, so it is in the record as the inventory has it.
    shown = {("applied.json", ENV)}
    assert {
        (path.name, secret)
        for path in files
        for secret in secrets
        if secret.encode() in path.read_bytes()
    } == shown
    look = 'grep -rlF -e "$1" /var/lib/clusterkit /etc /tmp /run /shared /root; true'
    allowed = {TOKEN: [f"{pair.home}/sshd/{name}" for name in ("environment.conf", "sshd_config")]}
    for node in ("node1", "node2"):
        for secret in (*before, PROMPT, OWN, TOKEN):
            found = pair.inside(node, "sh", "-c", look, "sh", secret).split()
            # One job told everything it had, on purpose.
            others = sorted(path for path in found if "/jobs/tell-" not in path)
            assert others == allowed.get(secret, [])

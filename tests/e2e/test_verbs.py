"""Every verb on a cluster that is up: what it prints, and the exit code it ends with."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from tests.e2e.controller import CLUSTERKIT, REPOSITORY
from tests.e2e.pair import Pair


def test_status_tells_what_is_true_now(pair: Pair):
    seen = pair.answer("status")
    lines = pair("status", "-o", "wide").stdout.splitlines()

    assert (seen["cluster"], seen["provider"], seen["jobs_running"]) == (pair.name, "docker", [])
    rows = [
        (node["name"], node["address"], node["state"], node["slots"]) for node in seen["nodes"]
    ]
    assert rows == [(f"node{n}", pair.address(n), "up", 2) for n in (1, 2)]
    assert {node["mpi_version"] for node in seen["nodes"]} == {"5.0.11"}
    assert seen["model"]["state"] == "absent"
    assert lines[0].startswith(f"cluster  {pair.name} (docker): 2 of 2 nodes up, seen in ")
    assert " ".join(lines[5].split()) == (
        "NODE STATE ADDRESS SLOTS GPUS MEMORY FREE OF CORES MPI PYTHON PACKAGES"
    )


def test_a_node_that_is_down_is_said_to_be_so(pair: Pair):
    pair.container("node2").stop(timeout=0)
    try:
        words = [("exec", "@all", "--", "hostname"), ("exec", "node2", "--", "hostname")]
        slow = [pair.controller.start(*each) for each in (*words, ("mpi-hello",))]
        seen = pair("status", "-o", "json")
        text = pair("status")
        listed = pair.answer("ls")
        some, none, hello = ((*process.communicate(), process.returncode) for process in slow)
    finally:
        pair.up()

    assert (seen.returncode, text.returncode) == (3, 3)
    node2 = json.loads(seen.stdout)["nodes"][1]
    assert (node2["state"], node2["why"]) == ("stopped", "its container is stopped")
    assert text.stdout.splitlines()[-1] == "! node2  its container is stopped"
    assert [(row["name"], row["state"]) for row in listed["clusters"]] == [(pair.name, "partly")]
    why = f"{pair.address(2)}:22 did not answer within 8 s. "
    lost = f"--- node2 {why}"
    assert (some[0].splitlines()[:2], some[2]) == (["--- node1", "node1"], 3)
    assert some[0].splitlines()[2].startswith(lost)
    assert (none[0].startswith(lost), none[2]) == (True, 4)
    assert ("node2: its agent could not be started" in hello[1], hello[2]) == (True, 1)


@pytest.mark.parametrize(
    ("nodes", "argv", "code", "stdout"),
    [
        ("@all", ["echo", "a  b", "$(x)", "it's"], 0, "--- node[1-2] (2)\na  b $(x) it's\n"),
        ("@all", ["hostname"], 0, "--- node1\nnode1\n--- node2\nnode2\n"),
        ("node2", ["hostname"], 0, "node2\n"),
        ("@all!node1", ["hostname"], 0, "node2\n"),
        ("@all", ["sh", "-c", "exit 7"], 7, "--- node[1-2] (2) exit 7\n"),
        ("@all", ["sh", "-c", "test $(hostname) = node1"], 3, "--- node1\n--- node2 exit 1\n"),
        (
            "@all",
            ["sh", "-c", "echo no >&2; exit 5"],
            5,
            "--- node[1-2] (2) exit 5\nstderr: no\n",
        ),
    ],
)
def test_exec_folds_output_and_ends_as_the_command_does(pair: Pair, nodes, argv, code, stdout):
    done = pair("exec", nodes, "--", *argv)

    assert (done.returncode, done.stdout, done.stderr) == (code, stdout, "")


def test_exec_ends_what_takes_too_long(pair: Pair):
    done = pair("exec", "@all", "--timeout", "1", "--", "sleep", "77")

    assert (done.returncode, done.stdout) == (
        124,
        "--- node[1-2] (2) ended after 1 s: sleep 77\n",
    )
    assert "sleep 77" not in pair.inside("node1", "ps", "-eo", "args")


def test_exec_on_a_node_that_is_not_there(pair: Pair):
    done = pair("exec", "node9", "--", "true")

    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "Error: no node is called `node9`.\nFix: did you mean `node2`? The nodes are node[1-2]\n",
    )


def test_cp_takes_files_and_folders_both_ways(pair: Pair, tmp_path):
    blob, folder = tmp_path / "blob", tmp_path / "it's a folder"
    blob.write_bytes(os.urandom(300_000))
    (folder / "in").mkdir(parents=True)
    (folder / "in" / "x").write_text("x\n")

    there = pair("cp", blob, folder, "@all:/data/")
    back = pair("cp", "@all:/data/blob", f"{tmp_path}/back/")

    assert (there.returncode, back.returncode) == (0, 0), there.stderr + back.stderr
    for node in ("node1", "node2"):
        assert (tmp_path / "back" / f"blob.{node}").read_bytes() == blob.read_bytes()
        assert pair.inside(node, "cat", "/data/it's a folder/in/x") == "x\n"
    assert back.stdout == "".join(
        f"{node}: /data/blob -> {tmp_path}/back/blob.{node} (293 KiB)\n"
        for node in ("node1", "node2")
    )


def test_cp_of_what_is_not_there(pair: Pair, tmp_path):
    done = pair("cp", "node1:/no such", tmp_path / "here")

    assert (done.returncode, done.stderr) == (
        1,
        "Error: node1: /no such cannot be read: No such file or directory.\nFix: check the path\n",
    )
    assert not (tmp_path / "here").exists()


def test_ssh_is_the_real_client_with_words_as_they_are(pair: Pair):
    done = pair("ssh", "node2", "--", "printf", "%s\n", "a  b", "$(x)", "it's")

    assert (done.returncode, done.stdout, done.stderr) == (0, "a  b\n$(x)\nit's\n", "")
    assert pair("ssh", "node2", "--", "sh", "-c", "exit 9").returncode == 9


def test_which_cluster_is_meant(pair: Pair):
    def with_variable(name: str) -> subprocess.CompletedProcess[str]:
        env = pair.controller.environment | {"CLUSTERKIT_CLUSTER": name}
        argv = [*CLUSTERKIT, "exec", "node1", "--", "hostname"]
        return subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True)

    named = pair("exec", "-c", pair.name, "node1", "--", "hostname")
    by_file = pair("exec", "--inventory", pair.file, "node1", "--", "hostname")
    wrong = with_variable("nosuch")

    assert (named.stdout, by_file.stdout) == ("node1\n", "node1\n")
    assert with_variable(pair.name).stdout == "node1\n"
    assert (wrong.returncode, wrong.stderr) == (
        2,
        f"Error: there is no cluster named `nosuch`.\nFix: use one of {pair.name}, "
        "or bring it up\n",
    )


def test_mpi_hello_names_every_rank_that_is_elsewhere(pair: Pair):
    """What `up` saw is turned round, as if the nodes had changed places since."""
    facts = pair.controller.home / "clusters" / pair.name / "facts.json"
    seen = facts.read_text()
    names = {"node1": "node2", "node2": "node1"}
    turned = re.sub(r'("hostname": ")(node.)', lambda found: found[1] + names[found[2]], seen)
    facts.write_text(turned)
    try:
        done = pair("mpi-hello", "-o", "json")
    finally:
        facts.write_text(seen)

    problems = [
        f"rank {rank}: it runs on {there}, not on {planned}"
        for rank, there, planned in (
            (0, "node2", "node1"),
            (1, "node2", "node1"),
            (2, "node1", "node2"),
            (3, "node1", "node2"),
        )
    ]
    assert (done.returncode, json.loads(done.stdout)["problems"]) == (1, problems)


def test_a_playbook_is_its_verbs(pair: Pair, tmp_path):
    book = tmp_path / "book.yaml"
    book.write_text(
        f"- up: {{file: '{pair.file}', yes: true}}\n"
        "- exec: {nodes: '@all', argv: [echo, 'a b']}\n"
        "- exec: {nodes: node1, argv: [sh, -c, exit 4]}\n"
        "- mpi-hello:\n"
    )

    done = pair("play", book, "--yes")

    assert done.returncode == 4
    assert done.stdout == (
        f"No changes. Cluster {pair.name} is as the inventory says.\n"
        "--- node[1-2] (2)\na b\n--- node1 exit 4\n"
    )
    assert done.stderr == f"- up\n- exec\n- exec\n{book}:3: `exec` ended with 4\n"
    (up, first, last) = json.loads(pair("play", book, "--yes", "-o", "json").stdout)["steps"]
    assert (up["verb"], up["results"][0]["changes"]) == ("up", 0)
    assert [row["stdout"] for row in first["results"][0]["nodes"]] == ["a b\n", "a b\n"]
    assert last["results"][0]["nodes"][0]["exit_code"] == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_on_nodes_ends_with_the_verb(pair: Pair, number: signal.Signals):
    mark = f"3{number.value:03}.{os.getpid()}"
    process = pair.controller.start("exec", "@all", "--", "sleep", mark)
    eventually(lambda: [runs(pair, node, mark) for node in ("node1", "node2")] == [True, True])

    process.send_signal(number)
    _, errors = process.communicate(timeout=30)

    assert (process.returncode, errors) == (130, "Error: `exec` was interrupted.\n")
    eventually(lambda: not any(runs(pair, node, mark) for node in ("node1", "node2")))


def runs(pair: Pair, node: str, mark: str) -> bool:
    return any(mark in " ".join(row) for row in pair.container(node).top()["Processes"])


def eventually(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)

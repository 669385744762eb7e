from __future__ import annotations

import sys

import pytest

from clusterkit.command import Command, Result, Step
from clusterkit.errors import (
    ClusterkitError,
    CommandTimeout,
    NodesFailed,
    TransportError,
    UsageError,
)
from clusterkit.model.cluster import Node
from clusterkit.model.options import CpOptions, ExecOptions
from clusterkit.results.nodes import Copy, NodeOutput
from clusterkit.use_cases import cp
from clusterkit.use_cases import exec as exec_
from clusterkit.use_cases.session import Session
from tests.unit.pair import node, pair


@pytest.fixture
def session(tmp_path):
    """Three nodes that nobody connects to."""
    return Session(pair(nodes=(node(1), node(2), node(3))), tmp_path)


@pytest.fixture
def here(tmp_path):
    """This machine as a cluster."""
    return Session(pair(provider="local", nodes=(Node("localhost", 1),)), tmp_path / "state")


def copies(session, *words):
    return cp.copies(session, CpOptions(sources=words[:-1], target=words[-1]))


# What is copied where


@pytest.fixture
def data(tmp_path, monkeypatch):
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    for name in ("a", "b c", "sub/d"):
        (folder / name).write_text(name)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("data/a", "node2:/x"), [("node2", "data/a", "/x", True)]),
        (("data/a", "node2:/x/"), [("node2", "data/a", "/x/a", True)]),
        (("data/a", "node2:x"), [("node2", "data/a", "x", True)]),
        (
            ("data/a", "node[1,3]:/x/"),
            [("node1", "data/a", "/x/a", True), ("node3", "data/a", "/x/a", True)],
        ),
        (
            ("data/a", "data/b c", "node1:/x/"),
            [("node1", "data/a", "/x/a", True), ("node1", "data/b c", "/x/b c", True)],
        ),
        (
            ("data", "node1:/x/"),
            [
                ("node1", "data/a", "/x/data/a", True),
                ("node1", "data/b c", "/x/data/b c", True),
                ("node1", "data/sub/d", "/x/data/sub/d", True),
            ],
        ),
        (("node1:/log", "out"), [("node1", "/log", "out", False)]),
        (("node1:/log", "out/"), [("node1", "/log", "out/log", False)]),
        (("node1:/log", "data"), [("node1", "/log", "data/log", False)]),
        (("node1:/log", "."), [("node1", "/log", "log", False)]),
        (
            ("node[1-2]:/var/log", "out"),
            [
                ("node1", "/var/log", "out/log.node1", False),
                ("node2", "/var/log", "out/log.node2", False),
            ],
        ),
        (
            ("node1:/a", "node2:/b", "out"),
            [("node1", "/a", "out/a", False), ("node2", "/b", "out/b", False)],
        ),
        (("node1:/a:b", "./x:y"), [("node1", "/a:b", "x:y", False)]),
    ],
)
def test_every_form_of_cp(session, data, words, expected):
    assert copies(session, *words) == expected


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("node1:/a", "node2:/b"),
            "cp from nodes to nodes is not possible. Fix: copy here first",
        ),
        (
            ("data/a", "elsewhere"),
            "neither side of cp is on a node. Fix: write NODES:PATH on one side, "
            "for example `clusterkit cp data.json node[1-2]:/data/`",
        ),
        (("data/none", "node1:/x"), "data/none: no such file. Fix: correct the path"),
        (("data", "node1:/x"), "data: is a folder. Fix: end the target with `/`"),
        (
            ("data/a", "data/b c", "node1:/x"),
            "several files need a folder. Fix: end the target with `/`",
        ),
        (("data/a", "node1:"), "`node1:` has no path. Fix: write one after the colon"),
        (("node1:", "x"), "`node1:` has no path. Fix: write one after the colon"),
        (
            ("node1:/a/x", "node1:/b/x", "out"),
            "2 files would all become out/x. Fix: copy them one by one, to different places",
        ),
        (
            ("data/a", "./data/a", "node[1-2]:/x/"),
            "2 files would all become /x/a. Fix: copy them one by one, to different places",
        ),
    ],
)
def test_every_mistake_of_cp(session, data, words, message):
    with pytest.raises(UsageError) as caught:
        copies(session, *words)

    assert str(caught.value) == message


def test_a_node_that_the_cluster_does_not_have_is_named(session, data):
    with pytest.raises(UsageError, match=r"^no node is called `node9`\. Fix: "):
        copies(session, "data/a", "node9:/x")


def test_files_go_there_and_back_with_their_mode(here, data, tmp_path):
    (data / "a").chmod(0o640)
    there = tmp_path / "the re"

    up = cp.copy(here, CpOptions(sources=("data",), target=f"localhost:{there}/"))
    down = cp.copy(here, CpOptions(sources=(f"localhost:{there}/data/a",), target="new/back"))

    assert (there / "data" / "sub" / "d").read_text() == "sub/d"
    assert (there / "data" / "a").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "new" / "back").read_text() == "a"
    assert [row.target for row in up.copies] == [
        f"{there}/data/a",
        f"{there}/data/b c",
        f"{there}/data/sub/d",
    ]
    assert down.copies == (
        Copy(node="localhost", source=f"{there}/data/a", target="new/back", size_bytes=1),
    )


# Exit codes of exec

COMMAND = Command(("it",), timeout_s=1)
UNREACHABLE = TransportError("n", "no route")
TIMEOUT = CommandTimeout("n", COMMAND)


@pytest.mark.parametrize(
    ("answers", "exit_code"),
    [
        ([0, 0, 0], 0),
        ([7, 7], 7),
        ([7], 7),
        ([0, 7], 3),
        ([0, UNREACHABLE], 3),
        ([0, TIMEOUT], 3),
        ([7, 8], 1),
        ([7, UNREACHABLE], 1),
        ([UNREACHABLE, UNREACHABLE], 4),
        ([TIMEOUT, TIMEOUT], 124),
        ([TIMEOUT, UNREACHABLE], 1),
    ],
)
def test_the_exit_code_of_exec(answers, exit_code):
    by_node = {
        f"n{number}": Result("n", COMMAND, answer) if isinstance(answer, int) else answer
        for number, answer in enumerate(answers)
    }
    assert exec_._exit_code(by_node) == exit_code


def test_a_command_runs_word_for_word(here):
    script = "import sys; print(sys.argv[1]); print('no', file=sys.stderr); sys.exit(7)"
    argv = (sys.executable, "-I", "-S", "-c", script, "it's $x\n")

    result, code = exec_.execute(here, ExecOptions(nodes="*", argv=argv))

    assert code == 7
    assert result.nodes == (
        NodeOutput(node="localhost", exit_code=7, stdout="it's $x\n\n", stderr="no\n"),
    )


def test_a_node_that_cannot_be_asked_has_no_exit_code(session):
    result, code = exec_.execute(session, ExecOptions(nodes="node[1,3]", argv=("true",)))

    error = (
        "there is no key to log in with: pair was not brought up from here. "
        "Fix: `clusterkit up INVENTORY`"
    )
    assert code == 4
    assert result.nodes == tuple(
        NodeOutput(node=name, exit_code=None, error=error) for name in ("node1", "node3")
    )


def test_copying_tells_every_node_that_failed(session, data):
    with pytest.raises(NodesFailed) as caught:
        cp.copy(session, CpOptions(sources=("data/a",), target="node[1-2]:/x"))

    assert list(caught.value.failures) == ["node1", "node2"]
    assert caught.value.exit_code == 4


def test_what_would_run_where(session):
    options = ExecOptions(nodes="node[2-3]", argv=("echo", "a b"), timeout_s=5)
    command = Command(("echo", "a b"), timeout_s=5)

    assert exec_.exec_steps(session, options) == [
        Step("node2", "run echo", command),
        Step("node3", "run echo", command),
    ]


def test_what_would_be_copied_where(session, data):
    options = CpOptions(sources=("data/a",), target="node1:/x")

    assert cp.copy_steps(session, options) == [
        Step("node1", "copy data/a to /x", Command(("cp", "data/a", "/x")), stage="copy")
    ]


def test_a_file_that_is_not_there_is_an_error_of_the_node(here, tmp_path):
    missing = f"localhost:{tmp_path}/none"

    with pytest.raises(ClusterkitError) as caught:
        cp.copy(here, CpOptions(sources=(missing,), target=str(tmp_path / "x")))

    assert str(caught.value) == (
        f"localhost: {tmp_path}/none cannot be read: No such file or directory. "
        "Fix: check the path"
    )

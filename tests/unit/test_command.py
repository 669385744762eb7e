from __future__ import annotations

import pytest

from clusterkit.command import Command, DockerCall, Put, Result, Step, shown
from clusterkit.errors import CommandFailed


def test_a_command_names_a_program():
    with pytest.raises(ValueError, match="argv must name a program"):
        Command(())


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (("echo", "it's", "$x"), """echo 'it'"'"'s' '$x'"""),
        (("sh", "-c", "\nset -e\nrm x\n", "sh", "v"), "sh -c 'set -e …' sh v"),
        (("echo", "", "\n", "a\n"), "echo '' '\n' 'a\n'"),
    ],
)
def test_a_command_prints_as_a_shell_would_take_it_and_a_script_as_its_first_line(argv, text):
    assert str(Command(argv)) == text


def test_neither_environment_nor_stdin_nor_content_is_printed():
    things = (
        Command(("a",), {"HF_TOKEN": "hunter2"}, b"hunter2"),
        Put("/a", b"hunter2"),
        DockerCall("create", "a", {"env": {"A": "hunter2"}}, (Put("/a", b"hunter2"),)),
    )
    assert "hunter2" not in repr(things) + "".join(map(str, things))


def test_a_file_to_put_knows_its_digest():
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    assert Put("/a", b"").sha256 == empty
    assert str(Put("/a", b"abc", 0o600)) == "put /a (3 bytes, mode 600)"


@pytest.mark.parametrize(
    ("action", "row"),
    [
        (
            Command(("run", "it"), {"HF_TOKEN": "x", "OMP_NUM_THREADS": "2"}, b"secret", 5),
            {
                "kind": "command",
                "argv": ["run", "it"],
                "env": {"HF_TOKEN": "***", "OMP_NUM_THREADS": "2"},
            },
        ),
        (Put("/key", b"secret", 0o600), {"kind": "put", "argv": ["/key"], "env": {}}),
        (
            DockerCall("create", "pair-node1", {"env": {"DB_PASSWORD": "x", "A": "b"}}),
            {
                "kind": "docker",
                "argv": ["create", "pair-node1"],
                "env": {"DB_PASSWORD": "***", "A": "b"},
            },
        ),
        (DockerCall("start", "x"), {"kind": "docker", "argv": ["start", "x"], "env": {}}),
    ],
)
def test_a_step_as_json(action, row):
    step = Step("node1", "why", action, "+", "nodes")

    assert step.as_json() == {"node": "node1", "stage": "nodes", "summary": "why"} | row


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "aws_secret_access_key",
        "DB_PASS",
        "PASSWORD",
        "API_KEY",
        "APIKEY",
        "KEY",
        "GIT_CREDENTIALS",
        "SSH_PASSPHRASE",
        "NGC_AUTH",
    ],
)
def test_a_name_that_sounds_like_a_secret_hides_its_value(name):
    assert shown({name: "hunter2"}) == {name: "***"}


@pytest.mark.parametrize(
    "name",
    ["KEYBOARD", "MONKEY", "BYPASS", "AUTHOR", "PATH", "NCCL_DEBUG", "TOKENIZERS_PARALLELISM"],
)
def test_other_names_show_theirs(name):
    assert shown({name: "public"}) == {name: "public"}


def test_a_result_is_data_until_it_is_checked():
    fine = Result("node1", Command(("true",)), 0)
    failed = Result("node1", Command(("false",)), 1)

    assert fine.check() is fine
    assert (fine.ok, failed.ok) == (True, False)
    with pytest.raises(CommandFailed, match=r"^node1: exit 1: false$"):
        failed.check()

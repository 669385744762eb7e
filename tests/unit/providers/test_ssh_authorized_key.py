"""One line in ~/.ssh/authorized_keys: the scripts run for real, in a home folder of their own."""

from __future__ import annotations

import getpass
import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from clusterkit.command import Command
from clusterkit.providers.ssh.authorized_key import AuthorizedKey
from tests.unit.tasks.shell import apply, look, names, run

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA"
NEW = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBBB"
LINE = f"restrict {KEY} clusterkit:lab:gpu02\n"
TASK = AuthorizedKey("gpu02", "lab", KEY)
GONE = AuthorizedKey("gpu02", "lab", None)
OWN = b"# mine\n\nssh-rsa AAAA me@laptop"
"""What a user has: the last line has no newline."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def file(home: Path) -> Path:
    """An authorized_keys with a line of the user's."""
    folder = home / ".ssh"
    folder.mkdir(0o700)
    (folder / "authorized_keys").write_bytes(OWN)
    return folder / "authorized_keys"


def summaries(task: AuthorizedKey) -> tuple[str, list[str]]:
    """What is said of one task, and the signs of its steps, which are done."""
    change = look(task)
    apply(change)
    return change.summary, [step.sign for step in change.steps]


def mode(path: Path) -> str:
    return f"{path.stat().st_mode & 0o777:o}"


def test_where_there_is_no_file_one_is_made_that_sshd_takes(home: Path):
    file = home / ".ssh/authorized_keys"

    assert summaries(TASK) == ("let the head log in: a line in ~/.ssh/authorized_keys", ["+"])
    assert (file.read_text(), mode(file), mode(file.parent)) == (LINE, "600", "700")
    assert summaries(TASK) == ("the head may log in", [])
    assert names(file.parent) == ["authorized_keys"]


def test_taking_out_what_is_not_there_makes_nothing(home: Path):
    assert summaries(GONE) == ("no key of ours", [])
    assert names(home) == []


@pytest.mark.parametrize("has_folder", [True, False])
def test_what_was_not_there_before_goes_with_the_last_line(home: Path, has_folder: bool):
    if has_folder:
        (home / ".ssh").mkdir(0o700)
    (home / ".clusterkit").mkdir()
    other = AuthorizedKey("gpu03", "lab", NEW)

    for task in (TASK, other, GONE):
        summaries(task)
    with_the_other = names(home / ".ssh")
    summaries(AuthorizedKey("gpu03", "lab", None))

    assert with_the_other == ["authorized_keys"]
    assert names(home) == [".clusterkit", *([".ssh"] if has_folder else [])]
    assert names(home / ".clusterkit") == []
    assert not has_folder or names(home / ".ssh") == []


def test_what_the_user_wrote_meanwhile_keeps_the_file(home: Path):
    file = home / ".ssh/authorized_keys"
    summaries(TASK)
    with file.open("ab") as keys:
        keys.write(OWN)
    summaries(GONE)

    assert (file.read_bytes(), names(home / ".clusterkit")) == (OWN, [])


def test_a_line_that_could_not_be_written_leaves_no_file_behind(home: Path):
    """`cp` fails, as it does where the disk is full."""
    tools = home / "tools"
    tools.mkdir()
    (tools / "cp").write_text("#!/bin/sh\nexit 1\n")
    (tools / "cp").chmod(0o755)
    (step,) = TASK.plan(None).steps
    assert isinstance(step.action, Command)
    path = f"{tools}:{os.environ['PATH']}"

    done = subprocess.run(step.action.argv, env={**os.environ, "PATH": path})

    assert done.returncode == 1
    assert names(home) == [".clusterkit", "tools"]
    assert names(home / ".clusterkit") == []


def test_unseen_it_is_put_in_or_taken_out():
    assert [[step.sign for step in task.plan(None).steps] for task in (TASK, GONE)] == [
        ["+"],
        ["-"],
    ]


def test_the_users_own_stays_byte_for_byte(file: Path):
    summaries(TASK)
    assert file.read_bytes() == LINE.encode() + OWN

    assert summaries(GONE) == ("take the head's key out of ~/.ssh/authorized_keys", ["-"])
    assert file.read_bytes() == OWN
    assert names(file.parent) == ["authorized_keys"]


@pytest.mark.parametrize(
    "own",
    [
        b"",
        b"\n",
        b"\n\n",
        b"a\r\nb\r\n",
        b"\xff\xfe\x00latin \xe9\n\n",
        "ssh-rsa AAAA grüße".encode(),
    ],
)
def test_bytes_of_any_kind_stay(file: Path, own: bytes):
    file.write_bytes(own)

    summaries(TASK)
    summaries(GONE)

    assert file.read_bytes() == own


def test_an_older_line_is_replaced_wherever_it_stands(file: Path):
    old = f"restrict {NEW} clusterkit:lab:gpu02"
    file.write_bytes(f"{old}\n# one\n{old}\n# two\n{old}".encode())

    assert summaries(TASK) == ("let the head log in: a line in ~/.ssh/authorized_keys", ["~"])
    assert file.read_text() == f"{LINE}# one\n# two\n"


def test_a_line_to_which_the_user_gave_options_is_still_ours(file: Path):
    file.write_text(f'from="10.0.0.0/24 ü",restrict {KEY} clusterkit:lab:gpu02\n# mine\n')

    assert summaries(GONE) == ("take the head's key out of ~/.ssh/authorized_keys", ["-"])
    assert file.read_text() == "# mine\n"


@pytest.mark.parametrize(
    "line",
    [
        f"restrict {KEY} clusterkit:lab:gpu02 of the lab",
        "# see clusterkit:lab:gpu02",
        f"restrict {KEY} clusterkit:lab:gpu020",
        f"restrict {KEY} clusterkit:lab:gpu02-a",
        f"restrict {KEY} my-clusterkit:lab:gpu02",
        f"restrict {KEY} clusterkit:lab2:gpu02",
        "ssh-rsa AAAA clusterkit:lab:gpu02",
    ],
)
def test_a_line_that_only_has_our_words_in_it_stays(file: Path, line: str):
    file.write_text(f"{line}\n")

    summaries(TASK)
    assert file.read_text() == f"{LINE}{line}\n"
    summaries(GONE)
    assert file.read_text() == f"{line}\n"


def test_two_clusters_and_two_nodes_with_one_home_have_a_line_each(file: Path):
    tasks = [AuthorizedKey(node, cluster, KEY) for cluster in ("lab", "den") for node in "ab"]
    for task in tasks:
        summaries(task)
    assert [look(task).steps for task in tasks] == [(), (), (), ()]

    summaries(AuthorizedKey("a", "lab", None))

    lines = [f"restrict {KEY} clusterkit:{name}\n" for name in ("den:b", "den:a", "lab:b")]
    assert file.read_bytes() == "".join(lines).encode() + OWN


def test_while_the_key_is_replaced_both_count(file: Path):
    both = AuthorizedKey("gpu02", "lab", NEW, beside=(KEY,))
    summaries(TASK)

    assert summaries(both)[1] == ["~"]
    assert file.read_bytes() == (
        f"{LINE}restrict {NEW} clusterkit:lab:gpu02\n".encode() + OWN  # in the order of the keys
    )
    assert look(AuthorizedKey("gpu02", "lab", KEY, beside=(NEW,))).steps == ()


def test_a_link_stays_a_link(file: Path, tmp_path: Path):
    target = tmp_path / "keys of ada"
    file.rename(target)
    file.symlink_to(target)

    summaries(TASK)

    assert file.is_symlink()
    assert target.read_bytes() == LINE.encode() + OWN


@pytest.mark.parametrize("before", [0o600, 0o644, 0o400])
def test_the_mode_stays(file: Path, before: int):
    file.chmod(before)

    summaries(TASK)
    summaries(GONE)

    assert mode(file) == f"{before:o}"


def test_nodes_that_share_a_home_do_not_write_over_each_other(file: Path):
    tasks = [AuthorizedKey(f"gpu{number:02}", "lab", KEY) for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(apply, [look(task) for task in tasks]))

    assert [look(task).steps for task in tasks] == [()] * 12
    assert file.read_bytes().endswith(OWN)
    assert names(file.parent) == ["authorized_keys"]


def test_what_a_killed_writer_left_is_taken_over(file: Path):
    left = file.with_name("authorized_keys.clusterkit")
    left.mkdir()
    (left / "new").write_text("half a line")
    long_ago = time.time() - 600
    os.utime(left, (long_ago, long_ago))

    summaries(TASK)

    assert file.read_bytes() == LINE.encode() + OWN
    assert names(file.parent) == ["authorized_keys"]


def test_a_writer_that_is_stopped_leaves_nothing(file: Path, tmp_path: Path):
    """`cp` waits until it is ended, and with it the script."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "cp").write_text('#!/bin/sh\nkill -TERM "$PPID"\n')
    (programs / "cp").chmod(0o755)
    (step,) = look(TASK).steps
    assert isinstance(step.action, Command)

    with_cp = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
    done = subprocess.run(step.action.argv, env=with_cp, capture_output=True, timeout=30)

    assert done.returncode == 1, done.stderr
    assert file.read_bytes() == OWN
    assert names(file.parent) == ["authorized_keys"]


def test_a_folder_in_which_nothing_can_be_made_is_an_error_soon(home: Path):
    (home / ".ssh").write_text("no folder")

    (step,) = TASK.plan(None).steps
    assert isinstance(step.action, Command)
    assert run(step.action).exit_code != 0


def test_a_file_that_cannot_be_replaced_says_what_is_needed(file: Path):
    work = file.with_name("authorized_keys.clusterkit")
    work.write_text("no folder")  # as root may write everywhere

    (step,) = TASK.plan(None).steps
    assert isinstance(step.action, Command)
    said = run(step.action)

    assert said.exit_code == 1
    assert said.stderr.splitlines()[-1] == (
        f"Fix: let {getpass.getuser()} write in {file.parent}, where a line for the head belongs"
    )

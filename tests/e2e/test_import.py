"""`import` as it is typed: the inventory on stdout, all else on stderr, and what it means."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HOSTS = """\
[gpu]
gpu[01:02].lan ansible_user=ubuntu ansible_password=hunter2
[cpu]
cpu1.lan
[cpu:vars]
ansible_port=2222
"""
SUBNET = ("--subnet", "10.0.0.0/24")
NAMES = (
    "Note: hosts.ini:2: what cannot be a node's name: gpu[01-02].lan is gpu[01-02] here, "
    "cpu1.lan is cpu1 here. Fix: choose other names in the inventory, if you like; `host` says "
    "where each is\n"
)
LEFT_OUT = (
    "Note: hosts.ini:2: ansible_password is a secret, and left out. "
    "Fix: log in by key: clusterkit takes no passwords\n"
)


def clusterkit(
    folder: Path, *words: str, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "CLUSTERKIT_HOME": str(folder / "home"), "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "clusterkit", *words]
    return subprocess.run(argv, cwd=folder, env=env, input=stdin, capture_output=True, text=True)


def test_from_a_file_to_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text(HOSTS)

    made = clusterkit(tmp_path, "import", "hosts.ini", *SUBNET, "--out", "lab.yaml")
    checked = clusterkit(tmp_path, "check", "lab.yaml", "-o", "json")

    assert (made.returncode, made.stderr) == (0, LEFT_OUT + NAMES)
    assert made.stdout == "Wrote lab.yaml: cluster lab, 3 nodes.\nNext: clusterkit up lab.yaml\n"
    assert "hunter2" not in (tmp_path / "lab.yaml").read_text()
    assert checked.returncode == 0, checked.stderr
    assert [node["name"] for node in json.loads(checked.stdout)["nodes"]] == [
        "gpu01",
        "gpu02",
        "cpu1",
    ]


def test_stdout_is_the_inventory_alone(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text(HOSTS)

    text = clusterkit(tmp_path, "import", "hosts.ini", *SUBNET)
    dry = clusterkit(tmp_path, "import", "hosts.ini", *SUBNET, "--out", "x.yaml", "--dry-run")
    answer = clusterkit(tmp_path, "import", "hosts.ini", *SUBNET, "-o", "json")

    assert text.stdout == dry.stdout == json.loads(answer.stdout)["inventory"]
    assert text.stdout.startswith("# Machines of hosts.ini, an Ansible inventory.")
    assert text.stderr == dry.stderr == answer.stderr == LEFT_OUT + NAMES
    assert [path.name for path in tmp_path.iterdir()] == ["hosts.ini"]


def test_stdin(tmp_path: Path) -> None:
    done = clusterkit(tmp_path, "import", "-", *SUBNET, stdin="gpu[01-16,20]\n")

    assert (done.returncode, done.stderr) == (0, "")
    assert "\nnodes:\n  gpu[01-16,20]:\n\n" in done.stdout


def test_mistakes_are_all_told(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a slots=many\nb slots=2\nc slot4\n")

    done = clusterkit(tmp_path, "import", "hosts", *SUBNET, "--out", "lab.yaml")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "Error: 2 mistakes\n"
        "  hosts:1: slots: `many` is no number from 1 to 1000000. Fix: correct slots\n"
        "  hosts:3: `slot4` means nothing behind a host. "
        "Fix: write `host slots=4`, one host on each line\n"
    )
    assert not (tmp_path / "lab.yaml").exists()


def test_a_folder_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    for file, what in ((".", "is a folder"), ("nowhere", "no such file")):
        done = clusterkit(tmp_path, "import", file, *SUBNET)
        assert (done.returncode, done.stdout) == (2, "")
        assert f"{file}: {what}. Fix: " in done.stderr

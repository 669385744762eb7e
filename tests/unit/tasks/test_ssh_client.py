"""ssh itself reads what is written for it, whatever the home folder is called."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from clusterkit.tasks.ssh_client import for_all_nodes


@pytest.mark.parametrize("name", ["plain", "with a space", "it's", "100%h", "ünï"])
def test_the_paths_are_the_folders_own(tmp_path: Path, name: str):
    home = tmp_path / name
    home.mkdir()
    (home / "config").write_text(for_all_nodes(str(home)))

    done = subprocess.run(
        ["ssh", "-T", "-G", "-F", str(home / "config"), "node1"], capture_output=True, text=True
    )

    said = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    assert (done.returncode, done.stderr) == (0, "")
    files = (said["identityfile"], said["userknownhostsfile"])
    # ssh -G shows some values as they are written, and others expanded.
    assert tuple(file.replace("%%", "%") for file in files) == (
        f"{home}/ssh/id_ed25519",
        f"{home}/ssh/known_hosts",
    )

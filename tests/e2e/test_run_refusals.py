"""What `run` refuses on this machine: no root, no Docker."""

from __future__ import annotations

from pathlib import Path


def test_a_folder_that_cannot_be_made_is_told_with_its_option(
    clusterkit, tmp_path: Path, cluster_name: str
) -> None:
    inventory, script, taken = tmp_path / "c.yaml", tmp_path / "a.py", tmp_path / "taken"
    inventory.write_text(
        f"cluster: {cluster_name}\nprovider: local\nnodes: {{localhost: {{slots: 1}}}}\n"
        f"storage: {{kind: local, path: {tmp_path / 'models'}}}\n"
    )
    script.write_text("print(1)\n")
    taken.write_text("a file\n")
    assert clusterkit("up", inventory, "--yes").returncode == 0

    done = clusterkit("run", "--chdir", taken, script)

    assert clusterkit("down", "--yes").returncode == 0
    assert (done.returncode, done.stdout) == (1, "")
    first, _, fix = done.stderr.splitlines()
    assert first == f"Error: `--chdir {taken}` is no folder that can be made there:"
    assert fix == "Fix: a folder where this user may write, such as one on the storage"

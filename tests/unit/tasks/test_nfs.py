"""NFS needs a server and a kernel that speaks it: here `mount`, `umount` and `sudo` are stand-ins.

They write down how they were called. What the kernel says of its mounts is given as text.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.model.cluster import Storage
from clusterkit.plan import storage_gone, storage_stages
from clusterkit.tasks import nfs
from clusterkit.tasks.base import Change, Stage
from clusterkit.tasks.nfs import NfsGone, NfsMounted
from clusterkit.tasks.storage import SharedFolder
from tests.unit.providers.machines import lab
from tests.unit.tasks.shell import names

SOURCE = "nas:/export/models"
ROOT = "mount 25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
MAY = ("can mount", "root", "user root")
STAND_IN = '#!/bin/sh\necho "${0##*/} $*" >>"$CALLS"\nexit "${CODE:-0}"\n'
SUDO = '#!/bin/sh\necho "sudo $*" >>"$CALLS"\nshift\nexec "$@"\n'


def task(path: str = "/mnt/shared", home: str = "/home/ubuntu/.clusterkit/lab/gpu01"):
    return NfsMounted("gpu01", SOURCE, path, home)


def planned(*lines: str) -> Change:
    return task().plan(Result("gpu01", task().probe(), 0, "\n".join((ROOT, *lines)) + "\n"))


def mounted(path: str, source: str, kind: str = "nfs4") -> str:
    return f"mount 99 25 0:50 / {path} rw,relatime shared:9 - {kind} {source} rw,vers=4.2"


def test_all_machines_mount_it_then_the_head_makes_the_folder_that_others_must_see():
    cluster = lab(storage=Storage("nfs", "/mnt/shared", SOURCE))

    mounts = [
        NfsMounted(node.name, SOURCE, "/mnt/shared", str(node.home)) for node in cluster.nodes
    ]
    assert storage_stages(cluster) == (
        Stage("storage", tuple(mounts)),
        Stage(
            "storage",
            (SharedFolder("gpu01", "/mnt/shared", several_users=True),),
            after=("storage",),
        ),
        Stage(
            "storage",
            tuple(
                SharedFolder(name, "/mnt/shared", "gpu01", several_users=True)
                for name in ("gpu02", "gpu03")
            ),
            after="storage",
        ),
    )
    gone = [NfsGone(node.name, "/mnt/shared", str(node.home)) for node in cluster.nodes]
    assert storage_gone(cluster) == (Stage("storage", tuple(gone)),)


@pytest.mark.parametrize("may", [("root", "user root"), ("sudo", "user ubuntu")])
def test_what_is_not_mounted_is_mounted(may: tuple[str, ...]):
    change = planned("can mount", *may)

    (step,) = change.steps
    assert (step.sign, step.summary) == ("+", f"mount {SOURCE} on /mnt/shared, as root")
    assert step.action == Command(
        (
            *("sh", "-c", nfs._MOUNT, "sh", "/mnt/shared", SOURCE),
            "rw,hard,nosuid,nodev,retry=0",
            nfs.mark_of("/home/ubuntu/.clusterkit/lab/gpu01", "/mnt/shared"),
        ),
        timeout_s=150,
    )
    assert change == task().plan(None)


@pytest.mark.parametrize(
    "line",
    [
        mounted("/mnt/shared", SOURCE),
        mounted("/mnt/shared", f"{SOURCE}/", "nfs"),
        mounted("/mnt/shared", "nas:/below") + "\n" + mounted("/mnt/shared", SOURCE),
    ],
)  # fmt: skip
def test_what_somebody_else_mounted_is_used(line: str):
    """Nobody need be root then, nor have mount.nfs."""
    assert planned(line, "user ada") == Change(
        f"{SOURCE} is mounted on /mnt/shared, by somebody else"
    )


def test_a_part_of_a_larger_mount_is_the_export_of_that_name():
    found = NfsMounted("gpu01", "nas:/export/models", "/nas/models", "/home")
    seen = Result("gpu01", found.probe(), 0, f"{ROOT}\n{mounted('/nas', 'nas:/export')}\n")

    assert found.plan(seen).steps == ()


def test_what_we_mounted_is_told_as_ours():
    assert planned(mounted("/mnt/shared", SOURCE), "marked") == Change(
        f"{SOURCE} is mounted on /mnt/shared"
    )


BY_HAND = f"""\
    sudo mkdir -p /mnt/shared
    echo '{SOURCE} /mnt/shared nfs rw,hard,nosuid,nodev,retry=0,_netdev 0 0' | sudo tee -a /etc/fstab
    sudo mount /mnt/shared"""  # noqa: E501 - as it is printed
REFUSALS = {
    "another export": (
        (mounted("/mnt/shared", "nas:/other"), *MAY),
        "nas:/other (nfs4) is mounted there already. "
        "Fix: unmount it, or correct `storage` in the inventory",
    ),
    "another kind": (
        (mounted("/mnt/shared", "/dev/sdb1", "ext4"), *MAY),
        "/dev/sdb1 (ext4) is mounted there already. "
        "Fix: unmount it, or correct `storage` in the inventory",
    ),
    "files": (
        ("not empty", *MAY),
        "it has files, which a mount would hide. Fix: set an empty or a new folder as `path`",
    ),
    "a file": (
        ("no folder", *MAY),
        "it is a file. Fix: set an empty or a new folder as `path`",
    ),
    "no program": (
        ("root", "user root"),
        "mount.nfs is not there. Fix: install nfs-common (Debian, Ubuntu), nfs-utils (Red Hat) "
        "or nfs-client (SUSE)",
    ),
    "a password": (
        ("can mount", "user ada"),
        "that needs root, and ada may not call sudo without a password. "
        f"Fix: have one who may run this there, then run the same command again:\n{BY_HAND}",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_in_the_way_is_named_with_its_fix(case: str):
    lines, why = REFUSALS[case]
    with pytest.raises(ClusterkitError) as caught:
        planned(*lines)

    assert str(caught.value) == f"gpu01: {SOURCE} cannot be mounted on /mnt/shared: {why}"


def test_a_path_with_a_space_is_read_as_the_kernel_writes_it():
    line = mounted("/mnt/a\\040b", "nas:/x\\040y")

    assert nfs.mounts([line]) == (nfs.Mount("/mnt/a b", "nfs4", "nas:/x y"),)


@pytest.fixture
def stand_ins(tmp_path: Path) -> dict[str, str]:
    """A PATH on which mount, umount and sudo only say how they were called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("mount", "umount", "mount.nfs", "sudo"):
        program = folder / name
        program.write_text(SUDO if name == "sudo" else STAND_IN)
        program.chmod(0o755)
    calls = tmp_path / "calls"
    calls.touch()
    return {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls)}


def run(command: Command, env: dict[str, str]) -> Result:
    done = subprocess.run(command.argv, env=os.environ | env, capture_output=True, text=True)
    return Result("gpu01", command, done.returncode, done.stdout, done.stderr)


def test_mounting_makes_the_folder_and_leaves_a_mark(tmp_path: Path, stand_ins: dict[str, str]):
    path, home = tmp_path / "it's mnt", tmp_path / "home"
    home.mkdir()
    wanted = task(str(path), str(home))
    change = wanted.plan(run(wanted.probe(), stand_ins))
    done = run(change.steps[0].action, stand_ins)

    assert (done.exit_code, path.is_dir()) == (0, True), done.stderr
    called = Path(stand_ins["CALLS"]).read_text().splitlines()
    mounts = [line for line in called if line.startswith("mount ")]
    assert mounts == [f"mount -t nfs -o {nfs.OPTIONS} -- {SOURCE} {path}"]
    assert names(home) == [Path(nfs.mark_of(str(home), str(path))).name]

    gone = NfsGone("gpu01", str(path), str(home))
    seen = run(gone.probe(), stand_ins)
    unmount = gone.plan(seen).steps[0].action
    assert run(unmount, stand_ins).exit_code == 0
    assert names(home) == []
    assert not path.exists()
    again = gone.plan(run(gone.probe(), stand_ins))
    assert again == Change(f"nothing of ours is mounted on {path}")


def test_a_mount_that_fails_leaves_nothing(tmp_path: Path, stand_ins: dict[str, str]):
    wanted = task(str(tmp_path / "mnt"), str(tmp_path))
    change = wanted.plan(run(wanted.probe(), stand_ins))
    done = run(change.steps[0].action, stand_ins | {"CODE": "32"})

    assert done.exit_code == 1
    assert names(tmp_path) == ["bin", "calls"]


@pytest.mark.skipif(os.geteuid() != 0, reason="a real mount, of this test alone, needs root")
def test_what_is_mounted_is_unmounted(tmp_path: Path, stand_ins: dict[str, str]):
    """The mount is real, of another kind, and seen by this one process and its children only."""
    path = tmp_path / "a mount"
    path.mkdir()
    Path(nfs.mark_of(str(tmp_path), str(path))).write_text("\n")
    script = 'mount -t tmpfs none "$1" && shift && PATH=$1 && shift && exec "$@"'
    unmount = NfsGone("gpu01", str(path), str(tmp_path)).plan(None).steps[0].action
    argv = ("unshare", "--mount", "sh", "-c", script, "sh", str(path), stand_ins["PATH"])
    done = run(Command((*argv, *unmount.argv)), {"CALLS": stand_ins["CALLS"]})

    assert done.exit_code == 0, done.stderr
    assert Path(stand_ins["CALLS"]).read_text() == f"umount -- {path}\n"
    assert path.is_dir()  # it was there before

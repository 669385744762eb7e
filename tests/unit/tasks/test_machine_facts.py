"""This machine looked at as any other, by the command that is sent there."""

from __future__ import annotations

import ast
import getpass
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clusterkit.command import Command, Result
from clusterkit.errors import ClusterkitError
from clusterkit.facts import Gpu, MachineFacts, Mpi
from clusterkit.tasks.machine_facts import look_at_machine, read_answer
from tests.unit.tasks.shell import run

# Not NVIDIA's: it answers as `nvidia-smi` of driver 470 and 550 do, as far as it is asked.
STAND_IN = """#!/bin/sh
case "$*" in
"") echo "| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4 |" ;;
*compute_cap*{old}) echo 'Field "compute_cap" is not a valid field to query.'; exit 2 ;;
*compute_cap*)
    echo "0, GPU-a, NVIDIA H200, 143771, 12, 550.54.15, Enabled, 9.0"
    echo "1, GPU-b, NVIDIA GB10, [N/A], [N/A], 550.54.15, [N/A], 12.1" ;;
*) echo "0, GPU-a, Tesla V100-SXM2-32GB, 32510, 3, 470.57.02, [N/A]" ;;
esac
"""


def look(*paths: str, path: str | None = None) -> MachineFacts:
    return read_answer(run(asking(*paths, path=path)))


def asking(*paths: str, path: str | None = None) -> Command:
    command = look_at_machine(paths)
    return Command(command.argv, {"PATH": path} if path else {})


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text)
    file.chmod(0o755)
    return file


def test_this_machine_tells_what_it_is():
    facts = look(sys.executable, "/", "/etc/passwd", "sh", "/nothing", "no-such-program")

    now = os.uname()
    assert (facts.hostname, facts.kernel, facts.architecture) == (
        platform.node(),
        now.release,
        now.machine,
    )
    assert (facts.user, facts.uid, facts.home) == (
        getpass.getuser(),
        os.getuid(),
        str(Path.home()),
    )
    assert facts.cores == len(os.sched_getaffinity(0))
    assert facts.memory_bytes is not None
    assert facts.memory_available_bytes is not None
    assert 0 < facts.memory_available_bytes <= facts.memory_bytes
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert facts.open_files == (None if soft == resource.RLIM_INFINITY else soft)
    disks = {disk.path: disk.total_bytes for disk in facts.disks}
    assert disks[str(Path.home())] == shutil.disk_usage(Path.home()).total
    assert facts.paths == {
        sys.executable: "program",
        "/": "folder",
        "/etc/passwd": "file",
        "sh": "program",
        "/nothing": "absent",
        "no-such-program": "absent",
    }
    loopback = next(nic for nic in facts.nics if nic.name == "lo")
    assert (loopback.kind, "127.0.0.1/8" in loopback.addresses) == ("loopback", True)
    assert facts.unreadable == {}


def test_every_part_is_read_on_the_oldest_python():
    """Python 3.8 has no syntax beyond its own; where one is here, it looks as well."""
    sources = json.loads(look_at_machine().argv[5])
    assert len(sources) > 5
    for name, source in sources.items():
        ast.parse(source, name, feature_version=(3, 8))
    old = shutil.which("python3.8")
    if old and subprocess.run([old, "-c", ""], capture_output=True).returncode == 0:
        argv = look_at_machine().argv
        done = run(Command((old, "-I", "-c", *argv[4:])))
        assert read_answer(done).python_version.startswith("3.8.")


def test_gpus_are_those_that_nvidia_smi_lists(tmp_path: Path):
    program(tmp_path, "nvidia-smi", STAND_IN.replace("{old}", "never"))

    facts = look(path=f"{tmp_path}:{os.environ['PATH']}")

    driver = ("550.54.15", "12.4")
    assert facts.gpus == (
        Gpu(0, "GPU-a", "NVIDIA H200", 143771 << 20, 12 << 20, *driver, "Enabled", "9.0"),
        Gpu(1, "GPU-b", "NVIDIA GB10", 0, None, *driver, None, "12.1"),
    )


def test_an_old_driver_is_asked_for_less(tmp_path: Path):
    program(tmp_path, "nvidia-smi", STAND_IN.replace("{old}", ""))

    (gpu,) = look(path=f"{tmp_path}:{os.environ['PATH']}").gpus

    assert gpu == Gpu(
        0, "GPU-a", "Tesla V100-SXM2-32GB", 32510 << 20, 3 << 20, "470.57.02", "12.4"
    )


def test_a_driver_that_fails_is_told_with_its_own_words(tmp_path: Path):
    words = "Failed to initialize NVML: Driver/library version mismatch"
    program(tmp_path, "nvidia-smi", f"#!/bin/sh\necho '{words}'\nexit 18\n")

    facts = look(path=f"{tmp_path}:{os.environ['PATH']}")

    assert (facts.gpus, facts.unreadable) == ((), {"gpus": f"nvidia-smi: {words}"})


def test_every_mpirun_is_told_and_which_a_plain_shell_finds(tmp_path: Path):
    said = {
        "a": "mpirun (Open MPI) 4.1.8",
        "b": "HYDRA build details:\n    Version:                                 4.2.0",
        "c": "Intel(R) MPI Library for Linux* OS, Version 2021.12 Build 20240213",
        "d": "something else",
    }
    for folder, text in said.items():
        program(tmp_path / folder, "mpirun", f"#!/bin/sh\ncat <<END\n{text}\nEND\n")
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "mpirun").symlink_to(tmp_path / "a" / "mpirun")
    program(tmp_path / "c", "orted", "#!/bin/sh\n")
    folders = [str(tmp_path / name) for name in "abcde"]

    facts = look(path=":".join([*folders, "/usr/bin", "/bin"]))

    assert facts.mpis[:4] == (
        Mpi(f"{folders[0]}/mpirun", "Open MPI", "4.1.8"),
        Mpi(f"{folders[1]}/mpirun", "MPICH", "4.2.0"),
        Mpi(f"{folders[2]}/mpirun", "Intel MPI", "2021.12"),
        Mpi(f"{folders[3]}/mpirun", "other", None),
    )
    assert f"{folders[4]}/mpirun" not in [mpi.mpirun for mpi in facts.mpis]  # it is the first
    assert facts.mpi_on_path["mpirun"] == f"{folders[0]}/mpirun"
    assert facts.mpi_on_path["orted"] == f"{folders[2]}/orted"


def test_a_machine_without_python_says_so(tmp_path: Path):
    for name in ("sh", "env"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    command = look_at_machine()
    done = subprocess.run(
        ("/bin/sh", *command.argv[1:]), env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    usual = [place for place in _USUAL if Path(place).exists()]
    if usual:
        pytest.skip(f"{usual[0]} is here, which PATH does not hide")

    with pytest.raises(ClusterkitError) as raised:
        read_answer(Result("gpu1", command, done.returncode, done.stdout, done.stderr))

    assert str(raised.value) == (
        "gpu1: no Python 3.8 or newer is on PATH. Fix: install Python there "
        "(`sudo apt-get install python3`, `sudo dnf install python3`)"
    )


_USUAL = (
    "/usr/libexec/platform-python",
    "/opt/clusterkit/bin/python",
    "/opt/venv/bin/python",
)


def test_what_a_login_prints_is_passed_over():
    facts = read_answer(Result("m", asking(), 0, 'Welcome!\n{"hostname": "m"}\n'))

    assert facts == MachineFacts("m")


def test_an_answer_that_is_no_facts_is_an_error():
    with pytest.raises(ClusterkitError) as raised:
        read_answer(Result("m", asking(), 0, "hello\n"))

    assert str(raised.value) == (
        "m: its Python answers with something else than facts: `hello`. "
        "Fix: look at what `python3` is there"
    )

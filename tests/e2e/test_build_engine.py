"""The building payload: it publishes whole engines, and leaves nothing when it is ended."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.engine_program import ended, gone, listed, message_of, programs, until
from tests.e2e.local_job import PAYLOADS

BUILD = ["-I", "-S", PAYLOADS, "build_engine"]
CONVERT = 'mkdir "$0"; echo converting; printf "10%%\\r20%%\\r" >&2; env | grep OMPI; true'
MAKE = """
test -d "$0.checkpoint" && command -v beside; echo plan > "$0/rank0.engine"
echo '{}' > "$0/config.json"; echo cache > "$0/model.cache"
"""
WAITS = "sleep 1001 & setsid sleep 1002 & echo waiting; wait"


@pytest.fixture
def tokenizer(tmp_path: Path) -> Path:
    """What lies beside a model's weights."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenization_x.py").write_text("pass")
    (folder / "model-00001-of-00001.safetensors").write_bytes(bytes(100))
    (folder / "model.safetensors.index.json").write_text("{}")
    (folder / ".gitattributes").write_text("")
    return folder


@pytest.fixture
def order(tmp_path: Path, tokenizer: Path) -> Callable[..., Path]:
    """Writes an order; ``then`` is shell that the last stage runs after it has made the files."""

    def write(then: str = "", *, make: str = MAKE, **parts: Any) -> Path:
        row = {
            "version": 1,
            "name": "tiny",
            "target": str(tmp_path / "engines" / "tiny-1"),
            "verify": False,
            "log": str(tmp_path / "log" / "tiny.log"),
            "stages": [
                stage("convert", ["sh", "-c", CONVERT, "{work}.checkpoint"]),
                stage("build", ["sh", "-c", make.strip() + then, "{work}"]),
            ],
            "rank_files": [["rank0.engine"]],
            "common_files": ["config.json"],
            "tokenizer": str(tokenizer),
            "room_bytes": 1000,
            "shape": {"layers": 2},
            "engine": {"key": {"tp": 1}},
        }
        path = tmp_path / "order.json"
        path.write_text(json.dumps(row | parts))
        return path

    return write


def stage(name: str, argv: list[str], cwd: str | None = None) -> dict[str, Any]:
    return {"name": name, "argv": argv, "env": {}, "cwd": cwd}


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts builds that are killed at the end, with all that they started."""
    started: list[subprocess.Popen[str]] = []

    def begin(order: Path, python: str = sys.executable) -> subprocess.Popen[str]:
        env = os.environ | {"OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "0"}
        process = subprocess.Popen(
            [python, *BUILD, str(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=env,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    for pid in programs(str(tmp_path)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_built_once_and_then_there(
    order: Callable[..., Path], start: Start, tmp_path: Path
) -> None:
    engine = tmp_path / "engines" / "tiny-1"
    (beside := tmp_path / "bin").mkdir()
    python = beside / "python"
    python.symlink_to(sys.executable)
    (beside / "beside").write_text("#!/bin/sh\n")
    (beside / "beside").chmod(0o755)
    code, rows = ended(start(order(), str(python)))

    assert code == 0
    assert [row for row in rows if row["event"] != "checksum"] == [
        {"event": "stage", "name": "convert", "number": 1, "of": 2},
        {"event": "output", "line": "converting"},
        {"event": "output", "line": "10%"},
        {"event": "stage", "name": "build", "number": 2, "of": 2},
        {"event": "output", "line": str(beside / "beside")},
        {"event": "published", "folder": str(engine), "changed": True},
    ]
    files = ["config.json", "model.cache", "rank0.engine"]
    files += ["tokenizer/tokenization_x.py", "tokenizer/tokenizer.json"]
    manifest = json.loads((engine / "manifest.json").read_text())
    assert sorted(manifest["files"]) == files
    assert listed(engine) == [*files[:1], "manifest.json", *files[1:3], "tokenizer"]
    assert (manifest["shape"], manifest["engine"]) == ({"layers": 2}, {"key": {"tp": 1}})
    assert listed(engine.parent) == [".lock", "tiny-1"]
    assert oct(engine.stat().st_mode & 0o777) == "0o755"
    again = ended(start(order()))
    assert again == (0, [{"event": "published", "folder": str(engine), "changed": False}])


def test_the_second_of_two_waits_and_finds_it(
    order: Callable[..., Path], start: Start, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    first = start(order(f"; while ! test -e {gate}; do sleep 0.05; done"))
    until(first, event="stage", name="build", number=2, of=2)

    second = start(order())
    until(second, event="waiting", why="waiting for another build of tiny-1")
    gate.touch()

    assert ended(first)[1][-1]["changed"] is True
    assert ended(second)[1][-1]["changed"] is False
    assert listed(tmp_path / "engines") == [".lock", "tiny-1"]


@pytest.mark.parametrize("how", ["stdin", "TERM", "INT"])
def test_ended_it_leaves_nothing(
    order: Callable[..., Path], start: Start, tmp_path: Path, how: str
) -> None:
    process = start(order(f"; {WAITS}"))
    until(process, event="output", line="waiting")
    (work,) = (tmp_path / "engines").glob("*.part")
    deadline = time.monotonic() + 20
    while len(programs(str(work))) < 3:  # none has an environment while it is exchanged
        assert time.monotonic() < deadline
        time.sleep(0.01)

    if how == "stdin":
        assert process.stdin is not None
        process.stdin.close()
    else:
        process.send_signal(getattr(signal, f"SIG{how}"))

    code, rows = ended(process)
    assert (code, rows[-1]["event"]) == (130, "stopped")
    assert listed(tmp_path / "engines") == [".lock"]
    assert programs(str(work)) == []


def test_killed_it_is_never_used_and_the_next_build_removes_it(
    order: Callable[..., Path], start: Start, tmp_path: Path
) -> None:
    process = start(order(f"; {WAITS}"))
    until(process, event="output", line="waiting")
    (work,) = (tmp_path / "engines").glob("*.part")
    process.kill()
    process.wait(10)
    assert [name.rpartition(".")[2] for name in listed(tmp_path / "engines")] == [
        "lock",
        "part",
        "checkpoint",
    ]

    code, rows = ended(start(order()))

    assert (code, rows[-1]["changed"]) == (0, True)
    assert listed(tmp_path / "engines") == [".lock", "tiny-1"]
    assert gone(str(work))


def test_what_fails_says_why_and_leaves_nothing(
    order: Callable[..., Path], start: Start, tmp_path: Path
) -> None:
    engines = tmp_path / "engines"

    failed = message_of(start(order("; echo no such GPU >&2; exit 3")))
    log = (tmp_path / "log/tiny.log").read_text()
    lacking = message_of(start(order(rank_files=[["rank0.engine"], ["rank1.engine"]])))
    room = message_of(start(order(room_bytes=1 << 60)))
    nobody = message_of(start(order(stages=[stage("build", ["trtllm-none", "{work}"])])))
    folder = message_of(start(order(stages=[stage("build", ["true"], "/no/such")])))
    killed = message_of(start(order("; kill -9 $$")))

    assert failed == "build exited with 3"
    assert log.endswith("\nno such GPU\n\n[exited with 3]\n")
    assert lacking == (
        "the programs ended well, but rank1.engine did not come of it; there is: config.json, "
        "model.cache, rank0.engine. Fix: see in the log for how many ranks they built, and take "
        "flags out of `engine.build_flags` and `engine.convert_flags` that change it"
    )
    assert room.startswith(f"{engines} has ")
    assert room.endswith(
        " GiB free, and the build needs about 1073741824.0 GiB. Fix: free some (`clusterkit "
        "engines rm`), or set `storage` to a larger disk"
    )
    assert nobody == (
        f"build: there is no `trtllm-none` beside {sys.executable} or on PATH. Fix: set `python` "
        "to the interpreter that has the engine's packages, or install them"
    )
    assert folder == "build: there is no folder /no/such. Fix: correct `engine.examples`"
    assert killed == "build was ended by SIGKILL"
    assert listed(engines) == [".lock"]


def test_a_full_disk_is_told_and_what_was_written_goes(
    order: Callable[..., Path], start: Start, tmp_path: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    engines = tmp_path / "engines"
    engines.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", engines], check=True)
    try:
        fills = 'dd if=/dev/zero of="$0/rank0.engine" bs=1M count=30'
        full = message_of(start(order(make=fills)))
        left = listed(engines)
    finally:
        subprocess.run(["umount", engines], check=True)

    assert full == (
        f"build exited with 1: no space is left in {engines}. Fix: free some (`clusterkit "
        "engines rm`), or set `storage` to a larger disk"
    )
    assert left == [".lock"]


@pytest.mark.parametrize(("content", "verify"), [("shorter", False), ("PLAN\n", True)])
def test_a_damaged_engine_is_built_anew(
    order: Callable[..., Path], start: Start, tmp_path: Path, content: str, *, verify: bool
) -> None:
    engine = tmp_path / "engines" / "tiny-1"
    ended(start(order()))
    (engine / "rank0.engine").write_text(content)

    code, rows = ended(start(order(verify=verify)))

    assert (code, rows[-1]["changed"]) == (0, True)
    assert (engine / "rank0.engine").read_text() == "plan\n"
    assert listed(engine.parent) == [".lock", "tiny-1"]
